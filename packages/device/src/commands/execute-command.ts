import { BOUNDS } from '@lamplighter/contracts/bounds';
import type { Action, Answer, CommandEnvelope } from '@lamplighter/contracts/commands/command';

/**
 * What a device program does with a command. What it returns, or its promise gives, is the result that the server gets;
 * it must be JSON, or undefined for none. Throwing means that the command failed. With `traceparent` (W3C Trace Context) a
 * program may go on with the trace that the command belongs to; the answer carries it in any case.
 */
export type Execute = (
  action: Action,
  envelope: CommandEnvelope | undefined,
  traceparent: string | undefined,
) => unknown;

/** Thrown by a device program to say no: it did nothing, and asking again is no use. */
export class CommandRejected extends Error {
  override readonly name = 'CommandRejected';
}

/**
 * Returned by a device program whose command ends with a restart of the device: `restart` is called once the answer is in the
 * storage, and the device gives it, `succeeded`, when it is back with the same storage. Until then the command is under way.
 *
 *     execute: ({ reboot }) => reboot === true ? new AnswerAfterRestart(() => process.exit(0)) : …
 */
export class AnswerAfterRestart {
  constructor(
    readonly restart: () => void,
    readonly result?: unknown,
  ) {}
}

/** How a command ended. With `restart` it has not yet: the answer is for after that. */
export interface Execution {
  readonly answer: Omit<Answer, 'id'>;
  readonly restart?: () => void;
}

/** Runs the program's handler to its end and words the final answer. Never rejects. */
export async function executeCommand(
  execute: Execute,
  action: Action,
  envelope: CommandEnvelope | undefined,
  traceparent?: string,
): Promise<Execution> {
  try {
    const result = await execute(action, envelope, traceparent);
    if (!(result instanceof AnswerAfterRestart)) return { answer: succeeded(result) };
    return { answer: succeeded(result.result), restart: result.restart };
  } catch (error) {
    return {
      answer: { status: error instanceof CommandRejected ? 'rejected' : 'failed', reason: reasonOf(error) },
    };
  }
}

/** What went wrong, in words that fit an answer. */
export function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, BOUNDS.maxReasonLength);
}

/** The action was carried out, so a result that cannot be sent does not make it a failure. */
function succeeded(result: unknown): Omit<Answer, 'id'> {
  if (result === undefined) return { status: 'succeeded' };
  const json = toJson(result);
  if (json === undefined) return { status: 'succeeded', reason: 'its result is no JSON' };
  if (Buffer.byteLength(json) > BOUNDS.maxResultBytes) {
    return { status: 'succeeded', reason: `its result exceeds ${BOUNDS.maxResultBytes} bytes` };
  }
  return { status: 'succeeded', result: JSON.parse(json) };
}

function toJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
