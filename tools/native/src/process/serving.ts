import { connect } from 'node:net';
import { type Child, describeExit, lastLines } from './child.js';

/** A server that listens on a loopback port. */
export interface Server extends Child {
  readonly port: number;
  readonly url: string;
}

/** The process ended, or was not ready in time. The message includes the last lines of its log. */
export class ServerFailed extends Error {
  override readonly name = 'ServerFailed';
}

const PAUSE_MS = 20;
/** Lines of the log in the message; enough for a list of configuration errors. */
const LOG_TAIL_LINES = 30;

/**
 * Waits until a probe returns true; stops the process after the timeout. Another result of the probe becomes part of the error.
 * @throws ServerFailed if the process ends first, or after the timeout
 */
export async function untilServing(
  child: Child,
  probe: () => Promise<true | string>,
  timeoutMs: number,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  let result: true | string = 'no response';
  while (child.exit === undefined && Date.now() < deadline) {
    result = await probe().catch(() => 'no response');
    if (result === true) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  const what = child.exit
    ? describeExit(child.exit)
    : `was not ready within ${timeoutMs / 1000} s (${result})`;
  await child.stop(1000);
  throw new ServerFailed(
    `${child.name} ${what}; last lines of its log:\n${lastLines(child.output(), LOG_TAIL_LINES)}`,
  );
}

/** Sends bytes to a loopback port and reads the reply until it is long enough, the peer closes or a second has passed. */
export function exchangeBytes(port: number, request: string | Uint8Array, enough: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let reply = Buffer.alloc(0);
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    socket.setTimeout(1000, () => socket.destroy());
    socket.on('data', (chunk) => {
      reply = Buffer.concat([reply, chunk]);
      if (reply.length >= enough) socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(reply));
  });
}
