import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the ephemeral range of Linux, so that no outgoing connection can take the port. */
const LOWEST = 15_000;
const HIGHEST = 32_000;
/**
 * Each Jest worker uses its own part of the range: a port stays free until its server has started, which takes a second or two, and another
 * test could take it in the meantime.
 */
const PARTS = 8;
const WIDTH = Math.floor((HIGHEST - LOWEST) / PARTS);
const FIRST = LOWEST + (Number(process.env.JEST_WORKER_ID ?? 0) % PARTS) * WIDTH;

let next = randomInt(WIDTH);

/** A free loopback port that was not returned recently. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + (next++ % WIDTH);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
