import type { Redis } from 'ioredis';
import { callFunction } from './functions.js';

/**
 * Leases members of due indexes: ZSETs of member → when it is due (ms), one per shard. Each member that it returns becomes due again when
 * the lease ends, so a replica that crashes only delays its work.
 * @param limit maximum number of members to claim, from all indexes together
 * @returns the members, and the time of Redis, milliseconds
 */
export async function claimDue(
  redis: Redis,
  keys: string[],
  limit: number,
  leaseMs: number,
): Promise<{ now: number; members: string[] }> {
  const [now, ...members] = (await callFunction(redis, 'claimDue-n', keys, [limit, leaseMs])) as string[];
  return { now: Number(now), members };
}
