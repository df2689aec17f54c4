import { CANARY_FLEET } from '@lamplighter/contracts/identity';
import type { Redis } from 'ioredis';
import { FRESH_MS, presenceKey, SHARDS } from '../keys.js';
import { redisNow } from '../redis/connect.js';

/**
 * Age of the newest canary reading of any rules replica, milliseconds, exact to a second; undefined if none was ever stored.
 * A recent one proves the whole path broker → ingest → Redis. One round trip, regardless of the number of replicas.
 */
export async function canaryAgeMs(redis: Redis): Promise<number | undefined> {
  const pipeline = redis.pipeline();
  for (let shard = 0; shard < SHARDS; shard += 1)
    pipeline.zrevrange(presenceKey(shard, CANARY_FLEET), 0, 0, 'WITHSCORES');
  const [now, replies] = await Promise.all([redisNow(redis), pipeline.exec()]);
  let newest = 0;
  for (const [error, reply] of replies ?? []) {
    if (error) throw error;
    newest = Math.max(newest, scoreOf(reply));
  }
  return newest === 0 ? undefined : Math.max(0, now - (newest - FRESH_MS));
}

/** The score in a reply: RESP2 replies `[name, score]`, RESP3 `[[name, score]]`. */
function scoreOf(reply: unknown): number {
  return Number((reply as unknown[]).flat().at(1) ?? 0);
}
