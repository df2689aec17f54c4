import type { RolloutCounts, RolloutState } from '@lamplighter/contracts/rollouts/rollout';
import type { Redis } from 'ioredis';
import { devicesKey, ROLLOUTS_DUE_KEY, rolloutKey, rolloutsKey, SHARDS, shardOf } from '../keys.js';
import { callFunction } from '../redis/functions.js';
import { ALL_SHARDS, pipelined } from '../redis/pipelined.js';
import { COUNTED, fenceRollout, type RolloutRecord, type RolloutRequest } from './rollouts.js';

/**
 * How a rollout runs. One replica at a time holds its lease, and saves its position:
 *
 *   enqueue   shard by shard, in each by name: a command for each selected device
 *   settle    all commands are enqueued; some are open
 *   sweep     aborted or cancelled: pending commands are cancelled, repeatedly until none is open, because a command in flight can
 *             become pending again
 *   closed    final; the counts are in the record
 *
 * Shard by shard, the order of devices is practically random, so a fault shows early.
 * When a holder is gone, another replica resumes from the saved position. Each shard stores how far the first one got beyond it
 * (`<id>:after`), so no device gets a second command. Writes of a holder that was only slow are fenced by its lower token.
 */
export type RolloutPhase = 'enqueue' | 'settle' | 'sweep' | 'closed';

/** A replica that does not renew its lease within this time loses its rollouts, milliseconds. */
export const ROLLOUT_LEASE_MS = 3000;
/** How long a replica that waits for acknowledgements may pause a rollout, beyond its lease; milliseconds. */
export const ROLLOUT_PAUSE_MS = 10_000;

/** The position of a rollout: the current shard, and the last device there that had its turn. */
export interface Position {
  readonly shard: number;
  readonly after: string;
}

/** A rollout that this replica holds. */
export interface HeldRollout extends Position {
  readonly id: string;
  readonly fleet: string;
  readonly request: RolloutRequest;
  readonly token: string;
  readonly phase: RolloutPhase;
  readonly state: RolloutState;
}

/** Leases up to `limit` rollouts without a holder, and fences their former holders. */
export async function claimRollouts(redis: Redis, limit: number): Promise<HeldRollout[]> {
  const ids = (await callFunction(redis, 'findRollouts-1', [ROLLOUTS_DUE_KEY], [limit])) as string[];
  const claimed: HeldRollout[] = [];
  for (const id of ids) {
    const held = await claimRollout(redis, id);
    if (held) claimed.push(held);
  }
  return claimed;
}

async function claimRollout(redis: Redis, id: string): Promise<HeldRollout | undefined> {
  const pairs = (await callFunction(
    redis,
    'claimRollout-2',
    [ROLLOUTS_DUE_KEY, rolloutKey(id)],
    [id, ROLLOUT_LEASE_MS],
  )) as string[];
  if (pairs.length === 0) return undefined;
  const held = heldOf(id, pairs);
  if (held === undefined || held.phase === 'closed') {
    await forgetRollout(redis, id); // its last holder crashed before this
    return undefined;
  }
  if (!(await fenceRollout(redis, id, held.token))) return undefined;
  // Another holder may have closed it between the lease and the fence: then the fence is not needed.
  if (await saveRollout(redis, held)) return held;
  if ((await redis.hget(rolloutKey(id), 'phase')) === 'closed') await forgetCounts(redis, id);
  return undefined;
}

function heldOf(id: string, pairs: readonly string[]): HeldRollout | undefined {
  const record: Record<string, string> = {};
  for (let i = 0; i < pairs.length; i += 2) record[pairs[i]!] = pairs[i + 1]!;
  const { fleet, request, token, phase, state, shard, after }: RolloutRecord = record;
  if (fleet === undefined) return undefined;
  return {
    id,
    fleet,
    request: JSON.parse(request!) as RolloutRequest,
    token: token!,
    phase: phase as RolloutPhase,
    state: state as RolloutState,
    shard: Number(shard),
    after: after!,
  };
}

/**
 * Saves the position of a rollout and renews its lease; 0 gives the lease back.
 * @returns false if another replica holds the lease: nothing has changed, and the caller must stop
 */
export async function saveRollout(
  redis: Redis,
  { id, token }: Pick<HeldRollout, 'id' | 'token'>,
  changes: Partial<Position & { phase: RolloutPhase; counts: string }> = {},
  leaseMs = ROLLOUT_LEASE_MS,
): Promise<boolean> {
  const fields = Object.entries(changes).flat();
  const saved = await callFunction(
    redis,
    'saveRollout-2',
    [ROLLOUTS_DUE_KEY, rolloutKey(id)],
    [id, token, leaseMs, ...fields],
  );
  return saved === 1;
}

/** Ends a running rollout, on behalf of its holder. An aborted one can be claimed again, to be swept. @returns whether it did */
export async function endRollout(
  redis: Redis,
  { id, token }: Pick<HeldRollout, 'id' | 'token'>,
  state: 'done' | 'aborted',
  counts: RolloutCounts,
): Promise<boolean> {
  const [now, stop] = (await callFunction(
    redis,
    'endRollout-2',
    [ROLLOUTS_DUE_KEY, rolloutKey(id)],
    [id, state, token, JSON.stringify(counts)],
  )) as [string, string];
  if (now !== state || stop === '') return false;
  if (state === 'aborted') await fenceRollout(redis, id, stop);
  return true;
}

/** Writes the counts of a swept rollout without open commands into its record, and deletes its counts in the shards. */
export async function closeRollout(redis: Redis, held: HeldRollout, counts: RolloutCounts): Promise<void> {
  if (await saveRollout(redis, held, { phase: 'closed', counts: JSON.stringify(counts) })) {
    await forgetRollout(redis, held.id);
  }
}

/** Removes a closed rollout from the schedule, and its counts from the shards. */
export async function forgetRollout(redis: Redis, id: string): Promise<void> {
  await forgetCounts(redis, id);
  await redis.zrem(ROLLOUTS_DUE_KEY, id);
}

async function forgetCounts(redis: Redis, id: string): Promise<void> {
  const fields = [...COUNTED, 'after', 'token'].map((name) => `${id}:${name}`);
  await pipelined(redis, ALL_SHARDS, (pipeline, shard) => pipeline.hdel(rolloutsKey(shard), ...fields));
}

/** Shards per round trip. */
const SHARDS_PER_TRIP = 8;

/**
 * The next devices that a rollout's selector covers.
 * @returns up to `limit` devices, and the position after them; shard 64 means that there are no more
 */
export async function nextDevices(
  redis: Redis,
  { fleet, request }: HeldRollout,
  from: Position,
  limit: number,
): Promise<{ devices: { shard: number; device: string }[]; next: Position }> {
  const wanted = [...new Set(request.selector.devices ?? ['*'])].sort();
  const named = wanted.filter((name) => !name.endsWith('*'));
  const prefixes = wanted.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1));
  const devices: { shard: number; device: string }[] = [];
  let { shard, after } = from;
  while (shard < SHARDS) {
    const shards = ALL_SHARDS.slice(shard, shard + SHARDS_PER_TRIP);
    const lookups = shards.flatMap((one) =>
      prefixes.map((prefix) => ({ one, prefix, after: one === shard ? after : '' })),
    );
    const found = (await pipelined(redis, lookups, (pipeline, lookup) =>
      pipeline.zrangebylex(devicesKey(lookup.one, fleet), ...rangeOf(lookup), 'LIMIT', 0, limit),
    )) as string[][];
    const perShard = shards.map((one) => {
      const listed = found.filter((_, i) => lookups[i]!.one === one).flat();
      const here = named.filter((name) => shardOf(fleet, name) === one);
      return [...new Set([...here, ...listed])].sort();
    });
    for (const names of perShard) {
      const ahead = names.filter((name) => name > after).slice(0, limit - devices.length);
      for (const device of ahead) devices.push({ shard, device });
      if (devices.length === limit) return { devices, next: { shard, after: devices.at(-1)!.device } };
      shard += 1;
      after = '';
    }
  }
  return { devices, next: { shard, after } };
}

/** The names with a prefix that come after another one. */
function rangeOf({ prefix, after }: { prefix: string; after: string }): [min: string, max: string] {
  // No name has a byte above that of "~", so it ends the names with a prefix.
  const max = prefix === '' ? '+' : `(${prefix}~`;
  if (after !== '' && after >= prefix) return [`(${after}`, max];
  return [prefix === '' ? '-' : `[${prefix}`, max];
}
