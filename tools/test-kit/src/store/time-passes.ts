import type { Redis } from 'ioredis';

type Change = (name: string, value: string) => string;

/**
 * Simulates the passing of time by moving all times in the store into the past: functions use the Redis clock, which a test cannot set.
 * With a shard, moves only its times.
 */
export async function timePasses(
  redis: Redis,
  ms: number,
  { shard }: { shard?: number } = {},
): Promise<void> {
  const earlier = (time: string) => String(Math.max(1, Number(time) - ms));
  // Zero and negative values are not times: goodbye, never seen.
  const score: Change = (_member, value) => (Number(value) > 0 ? earlier(value) : value);
  const third = (value: string) =>
    value.replace(/^(\d*,\d*,)(\d+)/, (_, before: string, at: string) => before + earlier(at));
  const changes: Record<string, Change> = {
    due: score,
    effects: score,
    'forget-due': score,
    presence: score,
    commands: (_id, value) =>
      value.replace(
        /^(\S+ \d+ )(\d+)/,
        (_, before: string, expiresAt: string) => before + earlier(expiresAt),
      ),
    transitions: (_id, transitions) =>
      transitions.replace(
        /(^|;)([a-z]+),(\d+)/g,
        (_, start: string, state: string, at: string) => `${start}${state},${earlier(at)}`,
      ),
    device: (field, value) => (field === 'session' ? third(value) : value),
  };

  const keys = await redis.keys(shard === undefined ? '*' : `{${shard}}:*`);
  const reads = redis.pipeline();
  for (const key of keys) {
    if (isSortedSet(key)) reads.zrange(key, '0', '-1', 'WITHSCORES');
    else if (kindOf(key) === 'idempotency') reads.pttl(key);
    else if (kindOf(key) === 'window') reads.lrange(key, 0, -1);
    else if (changes[kindOf(key)]) reads.hgetall(key);
    else reads.exists(key);
  }
  const replies = (await reads.exec()) ?? [];
  const writes = redis.pipeline();
  for (const [i, key] of keys.entries()) {
    const [error, reply] = replies[i]!;
    if (error) throw error;
    const change = changes[kindOf(key)];
    if (isSortedSet(key)) {
      const entries = reply as string[];
      for (let at = 0; at < entries.length; at += 2)
        writes.zadd(key, score(entries[at]!, entries[at + 1]!), entries[at]!);
    } else if (kindOf(key) === 'idempotency') writes.pexpire(key, (reply as number) - ms);
    else if (kindOf(key) === 'window') {
      const entries = (reply as string[]).map((entry) => entry.replace(/^\d+/, earlier));
      writes.del(key).rpush(key, ...entries);
    } else if (change) {
      for (const [field, value] of Object.entries(reply as Record<string, string>))
        writes.hset(key, field, change(field, value));
    }
  }
  for (const [error] of (await writes.exec()) ?? []) if (error) throw error;
}

const kindOf = (key: string) => key.split(':')[1] ?? '';
const isSortedSet = (key: string) => ['due', 'effects', 'forget-due', 'presence'].includes(kindOf(key));
