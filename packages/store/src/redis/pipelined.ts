import type { ChainableCommander, Redis } from 'ioredis';
import { SHARDS } from '../keys.js';

export const ALL_SHARDS: readonly number[] = Array.from({ length: SHARDS }, (_, shard) => shard);

/** Sends one call per item in one round trip. The caller casts the replies: ioredis has no types for them. */
export async function pipelined<T>(
  redis: Redis,
  items: readonly T[],
  add: (pipeline: ChainableCommander, item: T) => ChainableCommander,
): Promise<unknown[]> {
  const pipeline = redis.pipeline();
  for (const item of items) add(pipeline, item);
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}
