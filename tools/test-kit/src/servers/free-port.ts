import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the range that systems hand out to outgoing connections, so that no client sits on it a moment later. */
const LOWEST = 15_000;
const HIGHEST = 32_000;
/**
 * Test files that run side by side have a part of the range each: a port is free until its server has started, which takes a second
 * or two, and whoever took it meanwhile would answer in that server's place.
 */
const PARTS = 8;
const WIDTH = Math.floor((HIGHEST - LOWEST) / PARTS);
const FIRST = LOWEST + (Number(process.env.JEST_WORKER_ID ?? 0) % PARTS) * WIDTH;

let next = randomInt(WIDTH);

/** A loopback port on which nothing listens; not one that was handed out a moment ago. */
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
