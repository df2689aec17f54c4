import { durationMs } from '@lamplighter/contracts/duration';
import type { SkipReason } from '@lamplighter/contracts/rollouts/rollout';
import type { Redis } from 'ioredis';
import { deliveryText } from '../commands/command-header.js';
import { newCommandId } from '../commands/command-id.js';
import { commandJson } from '../commands/read-commands.js';
import { type Superseded, supersededOf } from '../commands/superseded.js';
import {
  commandKeys,
  countedCommandKeys,
  deviceKey,
  devicesKey,
  presenceKey,
  WAKE_CHANNEL,
} from '../keys.js';
import { callFunction, callFunctions } from '../redis/functions.js';
import type { HeldRollout } from './rollout-lease.js';

/** The outcome of a device's turn. `repeated`: it has had its turn; `fenced`: another replica holds the rollout, or it has ended. */
export interface Turn extends Superseded {
  readonly shard: number;
  readonly device: string;
  readonly outcome: 'enqueued' | SkipReason | 'repeated' | 'fenced';
  /** The new command, if there is one. */
  readonly id: string;
}

/** The turn of one device as enqueueRolloutCommand-11.lua reads it. */
interface TurnMessage {
  readonly rollout: string;
  /** Of the lease. */
  readonly token: string;
  /** Of the command. */
  readonly id: string;
  readonly fleet: string;
  readonly device: string;
  readonly lane: string;
  /** The header, starting at the policy. */
  readonly delivery: string;
  /** Milliseconds. */
  readonly ttl: number;
  /** The command without its header. */
  readonly json: string;
  readonly cause: string;
}

/**
 * Gives each of these devices its turn, in one round trip, and wakes the dispatchers. Can be repeated after a failure: a device gets only
 * one turn. Within a shard devices must be in the order of their names.
 */
export async function enqueueRollout(
  redis: Redis,
  { id: rollout, fleet, request, token }: HeldRollout,
  devices: readonly { readonly shard: number; readonly device: string }[],
): Promise<Turn[]> {
  const { action, lane, policy, onFailure, attempts } = request;
  const delivery = deliveryText({
    policy,
    onFailure,
    attempts,
    timeoutMs: durationMs(request.timeout),
    rollout,
  });
  const json = commandJson({ source: 'rollout', rollout }, action);
  const shared = {
    rollout,
    token,
    fleet,
    lane,
    delivery,
    ttl: durationMs(request.ttl)!,
    json,
    cause: `rollout:${rollout}`,
  };
  const ids = devices.map(({ shard }) => newCommandId(shard));
  const replies = (await callFunctions(
    redis,
    'enqueueRolloutCommand-11',
    devices.map(({ shard, device }, i) => ({
      keys: [
        deviceKey(shard, fleet, device),
        presenceKey(shard, fleet),
        devicesKey(shard, fleet),
        ...countedCommandKeys(shard, fleet),
      ],
      args: [JSON.stringify({ ...shared, id: ids[i]!, device } satisfies TurnMessage)],
    })),
  )) as [Turn['outcome'], ...string[]][];
  const turns = replies.map(([outcome, ...ended], i) => ({
    ...devices[i]!,
    outcome,
    id: ids[i]!,
    ...supersededOf(ended),
  }));
  const shards = new Set(turns.filter(({ outcome }) => outcome === 'enqueued').map(({ shard }) => shard));
  const wake = redis.pipeline();
  for (const shard of shards) wake.publish(WAKE_CHANNEL, String(shard));
  await wake.exec(); // only a hint: dispatchers also poll
  return turns;
}

/** Commands per page of a sweep. */
const PAGE = 200;

/**
 * Cancels a rollout's pending commands in one page of the open commands of a shard.
 * @param after the end of the previous page, '' for the first page
 * @returns the commands that ended, and the end of this page, '' for the last one
 */
export async function sweepRollout(
  redis: Redis,
  { id: rollout, fleet }: Pick<HeldRollout, 'id' | 'fleet'>,
  shard: number,
  after: string,
): Promise<{ ended: SweptCommand[]; next: string }> {
  const [commands, transitions, , queue] = commandKeys(shard) as [string, string, string, string];
  const [next, ...found] = (await callFunction(
    redis,
    'findRolloutCommands-3',
    [commands, transitions, queue],
    [rollout, fleet, after, PAGE],
  )) as [string, ...string[]];
  const waiting = found.map((entry) => {
    const [device, id] = entry.slice(fleet.length + 1).split(' ') as [string, string];
    return { device, id };
  });
  const replies = (await callFunctions(
    redis,
    'cancelCommand-9',
    waiting.map(({ device, id }) => ({
      keys: [deviceKey(shard, fleet, device), ...countedCommandKeys(shard, fleet)],
      args: [id, `rollout:${rollout}`],
    })),
  )) as [state: SweptCommand['state'], isOurs: 0 | 1][];
  const ended = waiting.flatMap(({ device, id }, i) => {
    const [state, isOurs] = replies[i]!;
    return isOurs === 1 ? [{ device, id, state }] : []; // others were dispatched, or have ended, in the meantime
  });
  return { ended, next };
}

/** A command that a sweep has ended; `unknown` if an attempt was never acknowledged. */
export interface SweptCommand {
  readonly device: string;
  readonly id: string;
  readonly state: 'cancelled' | 'unknown';
}
