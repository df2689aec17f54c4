import type { Redis } from 'ioredis';
import { commandKeys, shardOf } from '../keys.js';
import { callFunctions } from '../redis/functions.js';

/** An invalid acknowledgement. It changes no state: the command is dispatched again as if nothing had arrived. */
export interface InvalidAcknowledgement {
  /** Milliseconds since 1970 on the Redis clock. */
  readonly at: number;
  /** JSON pointer. */
  readonly field?: string;
  /** What is wrong with it, as a sentence. */
  readonly problem: string;
  /** The beginning of its payload. */
  readonly payload: string;
}

/** An invalid acknowledgement to record, and its sender. */
export interface InvalidReport {
  readonly fleet: string;
  readonly device: string;
  /** The id in it, if readable. Otherwise it is assigned to the command that was dispatched to the device last. */
  readonly id?: string | undefined;
  readonly field?: string | undefined;
  readonly problem: string;
  readonly payload: string;
}

/** Limit per command; older ones are pruned. */
export const MAX_INVALID = 5;
/** Limits of the stored payload and sentence, characters. */
const MAX_PAYLOAD = 100;
const MAX_PROBLEM = 300;

/** Records invalid acknowledgements with their commands. @returns the id of each command; undefined if none could be identified */
export async function recordInvalidAcknowledgements(
  redis: Redis,
  reports: readonly InvalidReport[],
): Promise<(string | undefined)[]> {
  const replies = await callFunctions(
    redis,
    'recordInvalidAcknowledgement-5',
    reports.map(({ fleet, device, id = '', field, problem, payload }) => ({
      keys: commandKeys(shardOf(fleet, device)).slice(0, 5),
      args: [
        `${fleet}/${device}`,
        id,
        JSON.stringify({
          field,
          problem: problem.slice(0, MAX_PROBLEM),
          payload: payload.slice(0, MAX_PAYLOAD),
        }),
        MAX_INVALID,
      ],
    })),
  );
  return replies.map((id) => (id === null ? undefined : String(id)));
}

/** The field of `answers` that holds them. */
export const invalidField = (id: string): string => `${id}:unread`;

export function parseInvalid(text: string | null | undefined): InvalidAcknowledgement[] {
  return text ? text.split('\n').map((line) => JSON.parse(line) as InvalidAcknowledgement) : [];
}
