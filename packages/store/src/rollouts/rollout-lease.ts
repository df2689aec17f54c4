import type { RolloutCounts, RolloutState } from '@lamplighter/contracts/rollouts/rollout';
import type { Redis } from 'ioredis';
import { devicesKey, ROLLOUTS_DUE_KEY, rolloutKey, rolloutsKey, SHARDS, shardOf } from '../keys.js';
import { ALL_SHARDS, pipelined } from '../redis/pipelined.js';
import { runScript } from '../redis/script.js';
import { COUNTED, fenceRollout, type RolloutRecord, type RolloutRequest } from './rollouts.js';

/**
 * How a rollout is carried on. One replica at a time holds its lease, and saves how far it has come:
 *
 *   enqueue   shard by shard, in each by name: a command for each selected device
 *   settle    all commands are made; some are open
 *   sweep     of one that was aborted or cancelled: what waits is cancelled, again and again until nothing is open, for what
 *             is with the broker just now may come back and wait
 *   closed    nothing can change any more; the counts are in the record
 *
 * Shard by shard means that the order of devices is as good as random, so that a fault shows early wherever it is.
 * A holder that is gone is followed by another one, which begins where the saved position is; what the first had done beyond it
 * each shard knows (`<id>:after`), so that no device gets a second command. A holder that was only slow holds a token lower
 * than that in the shards, and changes nothing.
 */
export type RolloutPhase = 'enqueue' | 'settle' | 'sweep' | 'closed';

/** A replica that says nothing for this long has lost its rollouts, milliseconds. */
export const ROLLOUT_LEASE_MS = 3000;
/** A replica that waits for answers may leave a rollout alone for so long, beyond its lease; milliseconds. */
export const ROLLOUT_PAUSE_MS = 10_000;

/** Where a rollout stands: the shard in hand, and the last device there that was looked at. */
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

/** Leases up to `limit` rollouts that nobody carries on, and shuts out whoever did. */
export async function takeRollouts(redis: Redis, limit: number): Promise<HeldRollout[]> {
  const ids = (await runScript(redis, 'findRollouts-1', [ROLLOUTS_DUE_KEY], [limit])) as string[];
  const taken: HeldRollout[] = [];
  for (const id of ids) {
    const held = await takeRollout(redis, id);
    if (held) taken.push(held);
  }
  return taken;
}

async function takeRollout(redis: Redis, id: string): Promise<HeldRollout | undefined> {
  const pairs = (await runScript(
    redis,
    'claimRollout-2',
    [ROLLOUTS_DUE_KEY, rolloutKey(id)],
    [id, ROLLOUT_LEASE_MS],
  )) as string[];
  if (pairs.length === 0) return undefined;
  const held = heldOf(id, pairs);
  if (held === undefined || held.phase === 'closed') {
    await forgetRollout(redis, id); // its last holder did not come to it
    return undefined;
  }
  if (!(await fenceRollout(redis, id, held.token))) return undefined;
  // Another one may have come and gone between the lease and the fence: then the fence stands where none is needed.
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
 * Saves where a rollout stands and renews the lease; 0 gives it back.
 * @returns false if the lease is another's by now: then nothing has changed, and nothing more is to be done
 */
export async function saveRollout(
  redis: Redis,
  { id, token }: Pick<HeldRollout, 'id' | 'token'>,
  changes: Partial<Position & { phase: RolloutPhase; counts: string }> = {},
  leaseMs = ROLLOUT_LEASE_MS,
): Promise<boolean> {
  const fields = Object.entries(changes).flat();
  const saved = await runScript(
    redis,
    'saveRollout-2',
    [ROLLOUTS_DUE_KEY, rolloutKey(id)],
    [id, token, leaseMs, ...fields],
  );
  return saved === 1;
}

/** Gives a running rollout its end, by its holder. An aborted one is free to be taken again, to be swept. @returns whether it did */
export async function endRollout(
  redis: Redis,
  { id, token }: Pick<HeldRollout, 'id' | 'token'>,
  state: 'done' | 'aborted',
  counts: RolloutCounts,
): Promise<boolean> {
  const [now, stop] = (await runScript(
    redis,
    'endRollout-2',
    [ROLLOUTS_DUE_KEY, rolloutKey(id)],
    [id, state, token, JSON.stringify(counts)],
  )) as [string, string];
  if (now !== state || stop === '') return false;
  if (state === 'aborted') await fenceRollout(redis, id, stop);
  return true;
}

/** Writes the counts of a swept rollout of which nothing is open into its record, and forgets what the shards hold of it. */
export async function closeRollout(redis: Redis, held: HeldRollout, counts: RolloutCounts): Promise<void> {
  if (await saveRollout(redis, held, { phase: 'closed', counts: JSON.stringify(counts) })) {
    await forgetRollout(redis, held.id);
  }
}

/** Takes a closed rollout off the schedule, and its counts out of the shards. */
export async function forgetRollout(redis: Redis, id: string): Promise<void> {
  await forgetCounts(redis, id);
  await redis.zrem(ROLLOUTS_DUE_KEY, id);
}

async function forgetCounts(redis: Redis, id: string): Promise<void> {
  const fields = [...COUNTED, 'after', 'token'].map((name) => `${id}:${name}`);
  await pipelined(redis, ALL_SHARDS, (pipeline, shard) => pipeline.hdel(rolloutsKey(shard), ...fields));
}

/** Shards that are asked for names in one round trip. */
const SHARDS_PER_TRIP = 8;

/**
 * The next devices of the fleet that a rollout has to look at, or of those that its selector names.
 * @returns up to `limit` devices, and the position behind them; in shard 64 there are none
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
