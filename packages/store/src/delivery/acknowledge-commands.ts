import type { Acknowledgement, CommandState } from '@lamplighter/contracts/commands/command';
import type { Redis } from 'ioredis';
import { shardOfCommand } from '../commands/command-id.js';
import { keysToEndCommand } from '../commands/ending-keys.js';
import type { CommandSource } from '../commands/read-commands.js';
import { effectsKey, presenceKey } from '../keys.js';
import { callFunctions } from '../redis/functions.js';
import type { Lease } from './lease.js';

/** What an acknowledgement did: the new state, or why it changed nothing; and the command's source and age, milliseconds. */
export interface AcknowledgementOutcome {
  readonly outcome: CommandState | 'repeated' | 'late' | 'missing' | 'foreign';
  readonly source: CommandSource['source'];
  readonly ageMs: number;
  /** The next command of the lane is due now: claim in this shard. */
  readonly nextIsDue: boolean;
  /** The device was presumed unreachable: wake its pending commands. */
  readonly isBack: boolean;
  /** Lane sequence number of the command; 0 if it is missing or foreign. */
  readonly seq: number;
  /** Commands of the lane that were cancelled because this one failed. */
  readonly aborted: readonly string[];
}

/** Records acknowledgements of devices. `device` is `<fleet>/<device>`. */
export async function acknowledgeCommands(
  redis: Redis,
  acknowledgements: readonly { device: string; acknowledgement: Acknowledgement; cause: string }[],
): Promise<AcknowledgementOutcome[]> {
  const calls = acknowledgements.map(({ device, acknowledgement: { id, ...said }, cause }) => {
    // `acknowledged` is recorded as a transition; only the final acknowledgement is stored.
    const json = said.status === 'acknowledged' ? '' : JSON.stringify(said);
    return { id, device, args: [said.status, json, cause, ''] };
  });
  return (await runAcknowledgements(redis, calls)).map(toOutcome);
}

/**
 * Gives up dispatches that will never be acknowledged: their commands end as `unknown`.
 * @returns undefined for a command with a later dispatch or a final state, which stays unchanged
 */
export async function giveUpCommands(
  redis: Redis,
  leases: readonly (Lease & { cause: string })[],
): Promise<(AcknowledgementOutcome | undefined)[]> {
  const calls = leases.map(({ id, device, attempt, claimedAt, cause }) => ({
    id,
    device,
    args: ['unknown', '', cause, `${claimedAt},${attempt}`],
  }));
  return (await runAcknowledgements(redis, calls)).map((reply) =>
    reply[0] === 'unknown' ? toOutcome(reply) : undefined,
  );
}

type AcknowledgementReply = [
  outcome: string,
  source: CommandSource['source'],
  ageMs: number,
  next?: number,
  back?: number,
  seq?: number,
  ...aborted: string[],
];

function toOutcome([
  outcome,
  source,
  ageMs,
  next,
  back,
  seq = 0,
  ...aborted
]: AcknowledgementReply): AcknowledgementOutcome {
  return {
    outcome: outcome as AcknowledgementOutcome['outcome'],
    source,
    ageMs,
    nextIsDue: next === 1,
    isBack: back === 1,
    seq,
    aborted,
  };
}

async function runAcknowledgements(
  redis: Redis,
  acknowledgements: readonly { id: string; device: string; args: string[] }[],
): Promise<AcknowledgementReply[]> {
  const calls = acknowledgements.map(({ id, device, args }) => {
    const [fleet, name] = device.split('/') as [string, string];
    const shard = shardOfCommand(id) ?? 0;
    const keys = [...keysToEndCommand(fleet, name, shard), effectsKey(shard), presenceKey(shard, fleet)];
    return { keys, args: [id, device, ...args] };
  });
  return (await callFunctions(redis, 'acknowledgeCommand-11', calls)) as AcknowledgementReply[];
}
