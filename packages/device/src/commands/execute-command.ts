import { BOUNDS } from '@lamplighter/contracts/bounds';
import type { Acknowledgement, Action, CommandEnvelope } from '@lamplighter/contracts/commands/command';

/**
 * Executes a command. The returned (or resolved) value is the result of the command: JSON, or undefined for none. If it throws, the
 * command is acknowledged as `failed`, or as `rejected` for `CommandRejected`.
 * @param envelope undefined for a bare command, which cannot be acknowledged
 * @param traceparent W3C trace context of the command; acknowledgements carry it in any case
 */
export type Execute = (
  action: Action,
  envelope: CommandEnvelope | undefined,
  traceparent: string | undefined,
) => unknown;

/** Thrown by a device program to reject a command: nothing was executed, and a retry would be rejected too. */
export class CommandRejected extends Error {
  override readonly name = 'CommandRejected';
}

/**
 * Returned by a device program to restart the device as the last step of a command. The library stores the acknowledgement
 * (`succeeded`), calls `restart`, and sends the acknowledgement after the restart. Requires a storage that survives it.
 *
 *     execute: ({ reboot }) => reboot === true ? new AcknowledgeAfterRestart(() => process.exit(0)) : …
 */
export class AcknowledgeAfterRestart {
  constructor(
    readonly restart: () => void,
    readonly result?: unknown,
  ) {}
}

/** The outcome of a command. With `restart`, the acknowledgement is sent after the restart. */
export interface Execution {
  readonly acknowledgement: Omit<Acknowledgement, 'id'>;
  readonly restart?: () => void;
}

/** Calls the handler of the program and returns the final acknowledgement. Never rejects. */
export async function executeCommand(
  execute: Execute,
  action: Action,
  envelope: CommandEnvelope | undefined,
  traceparent?: string,
): Promise<Execution> {
  try {
    const result = await execute(action, envelope, traceparent);
    if (!(result instanceof AcknowledgeAfterRestart)) return { acknowledgement: succeeded(result) };
    return { acknowledgement: succeeded(result.result), restart: result.restart };
  } catch (error) {
    return {
      acknowledgement: {
        status: error instanceof CommandRejected ? 'rejected' : 'failed',
        reason: reasonOf(error),
      },
    };
  }
}

/** The message of an error, cut to the length that an acknowledgement allows. */
export function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, BOUNDS.maxReasonLength);
}

/** A result that cannot be sent does not make an executed command a failure. */
function succeeded(result: unknown): Omit<Acknowledgement, 'id'> {
  if (result === undefined) return { status: 'succeeded' };
  const json = toJson(result);
  if (json === undefined) return { status: 'succeeded', reason: 'the result is not JSON' };
  if (Buffer.byteLength(json) > BOUNDS.maxResultBytes) {
    return { status: 'succeeded', reason: `the result exceeds ${BOUNDS.maxResultBytes} bytes` };
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
