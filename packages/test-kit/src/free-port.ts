import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the range that systems hand out to outgoing connections, so that no client sits on it a moment later. */
const LOWEST = 15_000;
const HIGHEST = 32_000;

/** A loopback port on which nothing listens. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, HIGHEST);
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
