import type { Redis } from 'ioredis';
import { REJECTED_KEY } from './keys.js';
import { pipelined } from './pipelined.js';

/** A sample of input that was refused: enough to find the culprit, bounded in number and size. */
export interface RejectedSample {
  /** Server time, milliseconds. */
  readonly at: number;
  readonly reason: string;
  /** At most 128 characters of the topic. */
  readonly topic: string;
  /** At most 200 characters of the payload, bytes that are no text shown as U+FFFD. */
  readonly payload: string;
}

const MAX_SAMPLES = 200;

/** Keeps samples, newest first; older ones are forgotten. */
export async function keepRejected(redis: Redis, samples: readonly RejectedSample[]): Promise<void> {
  if (samples.length === 0) return;
  const replies = await redis
    .pipeline()
    .lpush(REJECTED_KEY, ...samples.map((sample) => JSON.stringify(sample)))
    .ltrim(REJECTED_KEY, 0, MAX_SAMPLES - 1)
    .exec();
  for (const [error] of replies ?? []) if (error) throw error;
}

/** Reads samples, newest first. */
export async function readRejected(redis: Redis, limit: number): Promise<RejectedSample[]> {
  const samples = await redis.lrange(REJECTED_KEY, 0, limit - 1);
  return samples.map((sample) => JSON.parse(sample) as RejectedSample);
}

/** Removes the samples of devices, or of a whole fleet. */
export async function forgetRejected(
  redis: Redis,
  names: readonly { readonly fleet: string; readonly device?: string }[],
): Promise<void> {
  if (names.length === 0) return;
  const gone = new Set(
    names.map(({ fleet, device }) => (device === undefined ? fleet : `${fleet}/${device}`)),
  );
  const samples = (await redis.lrange(REJECTED_KEY, 0, -1)).filter((sample) => {
    const [fleet, , device = fleet] = (JSON.parse(sample) as RejectedSample).topic.split('/');
    return gone.has(fleet!) || gone.has(`${fleet}/${device}`);
  });
  await pipelined(redis, samples, (pipeline, sample) => pipeline.lrem(REJECTED_KEY, 0, sample));
}
