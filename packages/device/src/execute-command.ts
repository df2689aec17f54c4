import { BOUNDS } from '@lamplighter/contracts/bounds';
import type { Action, Answer, CommandEnvelope } from '@lamplighter/contracts/command';

/**
 * What a device program does with a command. What it returns, or its promise gives, is the result that the server gets;
 * it must be JSON, or undefined for none. Throwing means that the command failed.
 */
export type Execute = (action: Action, envelope: CommandEnvelope | undefined) => unknown;

/** Thrown by a device program to say no: it did nothing, and asking again is no use. */
export class CommandRejected extends Error {
  override readonly name = 'CommandRejected';
}

/** Runs the program's handler to its end and words the final answer. Never rejects. */
export async function executeCommand(
  execute: Execute,
  action: Action,
  envelope: CommandEnvelope | undefined,
): Promise<Omit<Answer, 'id'>> {
  try {
    return succeeded(await execute(action, envelope));
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).slice(0, BOUNDS.maxReasonLength);
    return { status: error instanceof CommandRejected ? 'rejected' : 'failed', reason };
  }
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
