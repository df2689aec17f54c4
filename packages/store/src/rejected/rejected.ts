import { createHash } from 'node:crypto';
import {
  INPUT_KINDS,
  type InputKind,
  type InputReason,
  type Suspicion,
} from '@lamplighter/contracts/telemetry/input-fault';
import type { Redis } from 'ioredis';
import { rejectedKey, rejectedOnceKey } from '../keys.js';
import { pipelined } from '../redis/pipelined.js';

/** A sample of input that was rejected, or accepted although suspicious: enough to find the sender, limited in number and size. */
export interface RejectedSample {
  /** Server time, milliseconds. */
  readonly at: number;
  readonly kind: InputKind;
  readonly reason: InputReason | Suspicion;
  /** It was accepted although suspicious. */
  readonly accepted?: true;
  /** Absent if the topic does not name it. */
  readonly fleet?: string;
  readonly device?: string;
  /** JSON pointer. */
  readonly field?: string;
  /** What is wrong, as a sentence. */
  readonly problem: string;
  /** At most 128 characters of the topic; absent for a connection. */
  readonly topic?: string;
  /** The client id of a connection, at most 128 characters. */
  readonly client?: string;
  /** At most 200 characters of the payload, with U+FFFD for bytes that are not text; for a connection, the broker's log line. */
  readonly payload: string;
}

/** Which samples to read; an absent field matches all. */
export interface RejectedFilter {
  readonly kind?: InputKind | undefined;
  readonly reason?: string | undefined;
  readonly fleet?: string | undefined;
  readonly device?: string | undefined;
}

/** Limit per kind, so that a flood of one kind does not displace the others. */
const MAX_SAMPLES = 200;
/** Every replica receives these at about the same time: births, wills and the broker's log. Only one stores the sample. */
const RECEIVED_BY_EVERY_REPLICA: readonly InputKind[] = ['presence', 'connection'];
/** Minimum time between identical samples, seconds. */
const REPEAT_SECONDS = 60;

/** Stores samples; the oldest ones of their kind are pruned. */
export async function recordRejected(redis: Redis, samples: readonly RejectedSample[]): Promise<void> {
  const fresh = await withoutRecentRepeats(redis, samples);
  if (fresh.length === 0) return;
  const pipeline = redis.pipeline();
  for (const kind of INPUT_KINDS) {
    const own = fresh.filter((sample) => sample.kind === kind);
    if (own.length === 0) continue;
    pipeline.lpush(rejectedKey(kind), ...own.map((sample) => JSON.stringify(sample)));
    pipeline.ltrim(rejectedKey(kind), 0, MAX_SAMPLES - 1);
  }
  for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
}

/** Omits samples that another replica has stored. */
async function withoutRecentRepeats(
  redis: Redis,
  samples: readonly RejectedSample[],
): Promise<RejectedSample[]> {
  const shared = samples.filter(({ kind }) => RECEIVED_BY_EVERY_REPLICA.includes(kind));
  if (shared.length === 0) return [...samples];
  const pipeline = redis.pipeline();
  for (const { kind, topic, payload } of shared) {
    const hash = createHash('sha256')
      .update(JSON.stringify([kind, topic, payload]))
      .digest('base64url');
    pipeline.set(rejectedOnceKey(hash), '1', 'EX', REPEAT_SECONDS, 'NX');
  }
  const replies = (await pipeline.exec()) ?? [];
  const known = new Set(shared.filter((_, i) => replies[i]?.[1] !== 'OK'));
  return samples.filter((sample) => !known.has(sample));
}

/** Reads samples, newest first. */
export async function readRejected(
  redis: Redis,
  limit: number,
  { kind, reason, fleet, device }: RejectedFilter = {},
): Promise<RejectedSample[]> {
  const kinds = kind === undefined ? INPUT_KINDS : [kind];
  const lists = await Promise.all(kinds.map((one) => redis.lrange(rejectedKey(one), 0, -1)));
  return lists
    .flat()
    .map((text) => JSON.parse(text) as RejectedSample)
    .filter(
      (sample) =>
        (reason === undefined || sample.reason === reason) &&
        (fleet === undefined || sample.fleet === fleet) &&
        (device === undefined || sample.device === device),
    )
    .sort((a, b) => b.at - a.at)
    .slice(0, limit);
}

/** Removes the samples of devices, or of a whole fleet. */
export async function forgetRejected(
  redis: Redis,
  names: readonly { readonly fleet: string; readonly device?: string }[],
): Promise<void> {
  if (names.length === 0) return;
  const removed = new Set(
    names.map(({ fleet, device }) => (device === undefined ? fleet : `${fleet}/${device}`)),
  );
  for (const kind of INPUT_KINDS) {
    const samples = (await redis.lrange(rejectedKey(kind), 0, -1)).filter((sample) => {
      const { fleet, device } = JSON.parse(sample) as RejectedSample;
      return fleet !== undefined && (removed.has(fleet) || removed.has(`${fleet}/${device}`));
    });
    await pipelined(redis, samples, (pipeline, sample) => pipeline.lrem(rejectedKey(kind), 0, sample));
  }
}
