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
import { ALL_SHARDS, pipelined } from '../redis/pipelined.js';
import { runScript, runScripts } from '../redis/script.js';

/** Rollouts kept per fleet; the oldest finished ones make room. */
export const ROLLOUTS_KEPT_PER_FLEET = 100;
/** Rollouts of one fleet, and in all, that may have open commands; more are refused. */
export const MAX_UNFINISHED_OF_FLEET = 50;
export const MAX_UNFINISHED_ROLLOUTS = 500;
/** An idempotency key is remembered for a day, milliseconds. */
const IDEMPOTENCY_MS = 24 * 3_600_000;
const ROLLOUT_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/;

/** What a rollout is to do. */
export interface RolloutRequest extends Delivery, Pace {
  readonly action: Action;
  readonly lane: string;
  readonly selector: Selector;
}

/** A rollout as it stands. Times are milliseconds since 1970 on the clock of Redis. */
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

/** Whether a text may be the id of a rollout. */
export function isRolloutId(text: string): boolean {
  return ROLLOUT_ID.test(text);
}

/** What watchers are told of a rollout. */
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

/** Begins a rollout; a replica of the rules service carries it on. */
export async function createRollout(
  redis: Redis,
  fleet: string,
  request: RolloutRequest,
  /** Key that makes a repeated request find the rollout of the first one, and what the request asked for. */
  idempotency?: { readonly key: string; readonly request: string },
): Promise<CreateRolloutResult> {
  const id = ulid();
  const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 32);
  const kept = await redis.zrange(fleetRolloutsKey(fleet), '0', '-1');
  // Unfinished ones stay, so the list of those that may go is longer than it need be; the script takes what it needs.
  const oldest = kept.length < ROLLOUTS_KEPT_PER_FLEET ? [] : kept.slice(0, MAX_UNFINISHED_OF_FLEET + 1);
  const [outcome, detail] = (await runScript(
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
    // Once nothing can change any more the sum is in the record, and the shards have forgotten theirs.
    ...(counts === undefined ? await countUnfinished(redis, id) : (JSON.parse(counts) as RolloutCounts)),
    startedAt: Number(startedAt),
    ...(endedAt !== undefined && { endedAt: Number(endedAt) }),
  };
}

async function countUnfinished(redis: Redis, id: string): Promise<RolloutCounts> {
  const counts = await countRollout(redis, id);
  // It may have been closed since the record was read: then the shards may have forgotten already.
  const closed = await redis.hget(rolloutKey(id), 'counts');
  return closed === null ? counts : (JSON.parse(closed) as RolloutCounts);
}

/** What the shards count of a rollout. */
export const COUNTED: readonly string[] = [
  'enqueued',
  ...SKIP_REASONS.map((reason) => `skipped:${reason}`),
  ...FINAL_STATES,
];

/** What became of the rollout's devices so far: the sum over the shards. Each count is written with what it counts. */
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
 * Cancels a running rollout: when this settles, no replica makes another command of it. What waits is cancelled by whoever
 * takes the rollout next.
 * @returns the state that it has now, `missing` if there is none; `isOurs` unless it had ended before
 */
export async function cancelRollout(
  redis: Redis,
  id: string,
): Promise<{ state: RolloutState | 'missing'; isOurs: boolean }> {
  const [state, token] = (await runScript(
    redis,
    'endRollout-2',
    [ROLLOUTS_DUE_KEY, rolloutKey(id)],
    [id, 'cancelled', '', ''],
  )) as [RolloutState | '', string];
  if (state === '') return { state: 'missing', isOurs: false };
  if (token !== '') await fenceRollout(redis, id, token);
  return { state, isOurs: token !== '' };
}

/** Shuts out of all shards whoever held the rollout under a lower token. @returns false if a higher token was there */
export async function fenceRollout(redis: Redis, id: string, token: string): Promise<boolean> {
  const replies = await runScripts(
    redis,
    'fenceRollout-1',
    Array.from({ length: SHARDS }, (_, shard) => ({ keys: [rolloutsKey(shard)], args: [id, token] })),
  );
  return replies.every((reply) => reply === 1);
}
