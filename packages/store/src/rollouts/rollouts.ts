import { createHash } from 'node:crypto';
import { type Action, type Delivery, FINAL_STATES } from '@lamplighter/contracts/commands/command';
import {
  matchedOf,
  type Pace,
  type RolloutCounts,
  type RolloutState,
  type Selector,
  SKIP_REASONS,
} from '@lamplighter/contracts/rollouts/rollout';
import type { Redis } from 'ioredis';
import { ulid } from 'ulid';
import type { LiveEvent } from '../events/events.js';
import {
  fleetRolloutsKey,
  ROLLOUTS_DUE_KEY,
  rolloutIdempotencyKey,
  rolloutKey,
  rolloutsKey,
  SHARDS,
} from '../keys.js';
import { callFunction, callFunctions } from '../redis/functions.js';
import { ALL_SHARDS, pipelined } from '../redis/pipelined.js';

/** Rollouts kept per fleet; the oldest finished ones are pruned. */
export const ROLLOUTS_KEPT_PER_FLEET = 100;
/** Limits of unfinished rollouts, per fleet and in total; more are rejected. */
export const MAX_UNFINISHED_OF_FLEET = 50;
export const MAX_UNFINISHED_ROLLOUTS = 500;
/** An idempotency key is remembered for a day, milliseconds. */
const IDEMPOTENCY_MS = 24 * 3_600_000;
const ROLLOUT_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/;

/** The request of a rollout. */
export interface RolloutRequest extends Delivery, Pace {
  readonly action: Action;
  readonly lane: string;
  readonly selector: Selector;
  /** The id of the API key that started it. */
  readonly key?: string;
}

/** A stored rollout. Times are milliseconds since 1970 on the Redis clock. */
export interface Rollout extends RolloutCounts {
  readonly id: string;
  readonly fleet: string;
  readonly state: RolloutState;
  readonly request: RolloutRequest;
  readonly startedAt: number;
  readonly endedAt?: number;
}

export type CreateRolloutResult =
  | { outcome: 'created'; rollout: Rollout }
  | { outcome: 'repeated'; id: string }
  | { outcome: 'reused' | 'full' };

/** Whether a text has the form of a rollout id. */
export function isRolloutId(text: string): boolean {
  return ROLLOUT_ID.test(text);
}

/** The live event of a rollout. */
export function rolloutEvent(rollout: Pick<Rollout, 'id' | 'fleet' | 'state'> & RolloutCounts): LiveEvent {
  const { id, fleet, state, enqueued, skipped, outcomes } = rollout;
  return {
    type: 'rollout',
    fleet,
    rollout: id,
    state,
    matched: matchedOf(rollout),
    enqueued,
    skipped,
    outcomes,
  };
}

/** Creates a rollout, which a replica of the rules service then runs. */
export async function createRollout(
  redis: Redis,
  fleet: string,
  request: RolloutRequest,
  /** The idempotency key, and the request that it stands for. */
  idempotency?: { readonly key: string; readonly request: string },
): Promise<CreateRolloutResult> {
  const id = ulid();
  const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 32);
  const kept = await redis.zrange(fleetRolloutsKey(fleet), '0', '-1');
  // Unfinished ones stay, so more candidates are passed than may be needed; the function prunes what it must.
  const oldest = kept.length < ROLLOUTS_KEPT_PER_FLEET ? [] : kept.slice(0, MAX_UNFINISHED_OF_FLEET + 1);
  const [outcome, detail] = (await callFunction(
    redis,
    'createRollout-n',
    [
      fleetRolloutsKey(fleet),
      ROLLOUTS_DUE_KEY,
      rolloutIdempotencyKey(fleet, idempotency ? hash(idempotency.key) : ''),
      rolloutKey(id),
      ...oldest.map(rolloutKey),
    ],
    [
      id,
      fleet,
      JSON.stringify(request),
      idempotency ? hash(idempotency.request) : '',
      IDEMPOTENCY_MS,
      MAX_UNFINISHED_OF_FLEET,
      MAX_UNFINISHED_ROLLOUTS,
      ROLLOUTS_KEPT_PER_FLEET,
      ...oldest,
    ],
  )) as [string, string];
  switch (outcome) {
    case 'created': {
      const startedAt = Number(detail);
      return { outcome, rollout: { id, fleet, state: 'running', request, ...NO_COUNTS, startedAt } };
    }
    case 'repeated':
      return { outcome, id: detail };
    default:
      return { outcome: outcome as 'reused' | 'full' };
  }
}

/** Reads one rollout; undefined if there is none. */
export async function readRollout(redis: Redis, id: string): Promise<Rollout | undefined> {
  return (await readRollouts(redis, [id]))[0];
}

/**
 * Lists a fleet's rollouts, newest first.
 * @param before only those older than this rollout id
 */
export async function listRollouts(
  redis: Redis,
  fleet: string,
  options: { limit: number; before?: string },
): Promise<Rollout[]> {
  const from = options.before === undefined ? '+' : `(${options.before}`;
  return readRollouts(
    redis,
    await redis.zrevrangebylex(fleetRolloutsKey(fleet), from, '-', 'LIMIT', 0, options.limit),
  );
}

async function readRollouts(redis: Redis, ids: readonly string[]): Promise<Rollout[]> {
  const records = (await pipelined(redis, ids, (pipeline, id) =>
    pipeline.hgetall(rolloutKey(id)),
  )) as RolloutRecord[];
  return Promise.all(
    ids.flatMap((id, i) => {
      const record = records[i]!;
      return record.fleet === undefined ? [] : [rolloutOf(redis, id, record)];
    }),
  );
}

/** The fields of a rollout's HASH. */
export type RolloutRecord = Readonly<Partial<Record<string, string>>>;

async function rolloutOf(redis: Redis, id: string, record: RolloutRecord): Promise<Rollout> {
  const { fleet, state, request, startedAt, endedAt, counts } = record;
  return {
    id,
    fleet: fleet!,
    state: state as RolloutState,
    request: JSON.parse(request!) as RolloutRequest,
    // A closed rollout has its sums in the record; the counts in the shards are deleted.
    ...(counts === undefined ? await countUnfinished(redis, id) : (JSON.parse(counts) as RolloutCounts)),
    startedAt: Number(startedAt),
    ...(endedAt !== undefined && { endedAt: Number(endedAt) }),
  };
}

async function countUnfinished(redis: Redis, id: string): Promise<RolloutCounts> {
  const counts = await countRollout(redis, id);
  // It may have been closed since the record was read, and the counts in the shards deleted.
  const closed = await redis.hget(rolloutKey(id), 'counts');
  return closed === null ? counts : (JSON.parse(closed) as RolloutCounts);
}

/** The counts of a rollout in each shard. */
export const COUNTED: readonly string[] = [
  'enqueued',
  ...SKIP_REASONS.map((reason) => `skipped:${reason}`),
  ...FINAL_STATES,
];

/** The outcomes of a rollout's devices so far, summed over the shards. Each count is written in the same function as what it counts. */
export async function countRollout(redis: Redis, id: string): Promise<RolloutCounts> {
  const fields = COUNTED.map((name) => `${id}:${name}`);
  const perShard = (await pipelined(redis, ALL_SHARDS, (pipeline, shard) =>
    pipeline.hmget(rolloutsKey(shard), ...fields),
  )) as (string | null)[][];
  const sums = new Map(
    COUNTED.map((name, i) => [name, perShard.reduce((sum, counts) => sum + Number(counts[i] ?? 0), 0)]),
  );
  return {
    enqueued: sums.get('enqueued')!,
    skipped: recordOf(SKIP_REASONS, (reason) => sums.get(`skipped:${reason}`)!),
    outcomes: recordOf(FINAL_STATES, (state) => sums.get(state)!),
  };
}

const NO_COUNTS: RolloutCounts = {
  enqueued: 0,
  skipped: recordOf(SKIP_REASONS, () => 0),
  outcomes: recordOf(FINAL_STATES, () => 0),
};

function recordOf<K extends string>(names: readonly K[], value: (name: K) => number): Record<K, number> {
  return Object.fromEntries(names.map((name) => [name, value(name)])) as Record<K, number>;
}

/**
 * Cancels a running rollout: when this resolves, no replica enqueues another command of it. The replica that claims it next cancels its
 * pending commands.
 * @returns its state now, `missing` if there is none; `isOurs` unless it had ended before
 */
export async function cancelRollout(
  redis: Redis,
  id: string,
): Promise<{ state: RolloutState | 'missing'; isOurs: boolean }> {
  const [state, token] = (await callFunction(
    redis,
    'endRollout-2',
    [ROLLOUTS_DUE_KEY, rolloutKey(id)],
    [id, 'cancelled', '', ''],
  )) as [RolloutState | '', string];
  if (state === '') return { state: 'missing', isOurs: false };
  if (token !== '') await fenceRollout(redis, id, token);
  return { state, isOurs: token !== '' };
}

/** Fences all holders with a lower token, in all shards. @returns false if a shard has a higher token */
export async function fenceRollout(redis: Redis, id: string, token: string): Promise<boolean> {
  const replies = await callFunctions(
    redis,
    'fenceRollout-1',
    Array.from({ length: SHARDS }, (_, shard) => ({ keys: [rolloutsKey(shard)], args: [id, token] })),
  );
  return replies.every((reply) => reply === 1);
}
