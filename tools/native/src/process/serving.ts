import { connect } from 'node:net';
import { type Child, describeExit, lastLines } from './child.js';

/** A server that answers on a loopback port. */
export interface Server extends Child {
  readonly port: number;
  readonly url: string;
}

/** The process ended, or did not answer in time; the message has the end of its log. */
export class ServerFailed extends Error {
  override readonly name = 'ServerFailed';
}

const PAUSE_MS = 20;
/** Lines of its log that are shown of a process that failed: a list of all that is wrong with its configuration fits. */
const LOG_TAIL_LINES = 30;

/**
 * Waits until a probe says true, and stops the process if it does not. Whatever else the probe says or throws is told if
 * the time is over.
 * @throws ServerFailed if the process ends first, or the time is over
 */
export async function untilServing(
  child: Child,
  probe: () => Promise<true | string>,
  timeoutMs: number,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  let answer: true | string = 'no answer';
  while (child.exit === undefined && Date.now() < deadline) {
    answer = await probe().catch(() => 'no answer');
    if (answer === true) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  const what = child.exit
    ? describeExit(child.exit)
    : `was not ready within ${timeoutMs / 1000} s (${answer})`;
  await child.stop(1000);
  throw new ServerFailed(
    `${child.name} ${what}; its last words:\n${lastLines(child.output(), LOG_TAIL_LINES)}`,
  );
}

/** Sends bytes to a loopback port and collects the answer until it is long enough, the peer closes or a second is over. */
export function exchangeBytes(port: number, request: string | Uint8Array, enough: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    socket.setTimeout(1000, () => socket.destroy());
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length >= enough) socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(answer));
  });
}
