import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { MAX_EFFECT_WAIT_MS } from '../effects/effects.js';
import {
  commandKeys,
  deviceKey,
  edgeDueKey,
  effectsKey,
  FRESH_MS,
  fleetsKey,
  presenceKey,
  ROLLOUTS_DUE_KEY,
  timersKey,
} from '../keys.js';
import { redisNow } from '../redis/connect.js';
import { callFunctions } from '../redis/functions.js';
import { ALL_SHARDS, pipelined } from '../redis/pipelined.js';
import { ROLLOUT_LEASE_MS, ROLLOUT_PAUSE_MS } from '../rollouts/rollout-lease.js';

/** How many waits were repaired, by kind. */
export interface RepairedWaits {
  readonly commands: number;
  readonly devices: number;
  readonly rollouts: number;
  readonly timers: number;
  readonly effects: number;
}

/** Entries of one shard per call, and shards per round trip. */
const PAGE = 100;
const SHARDS_PER_TRIP = 4;
/** After each round trip the repair pauses for as long as that took, at most this long, milliseconds. */
const LONGEST_PAUSE_MS = 50;
/** Freshness is recorded to the second. */
const EXACT_MS = 1000;

/**
 * Repairs the waits in the store after the Redis clock went backwards. Every wait ends at a time on that clock, so waits that had
 * started before the step would last longer by its size: leases and timeouts (which block lanes), back-offs, the freshness of silent
 * devices, leases of rollouts, timers of rules, effect checks, and judgements of edge decisions. After the repair no wait lasts longer
 * than one that starts now.
 *
 * It reads all open commands, a page at a time (a million of them take a few seconds, and at most half of Redis's time), and changes only
 * waits that are too long. So it can run unnecessarily, repeatedly, or in several replicas. If it fails, run it again.
 *
 * Expiries of commands do not change: devices have received them.
 * @param options.minWaitMs the longest wait that callers of `requeueCommands` pass, milliseconds
 * @param options.wasSeen the step was observed. A timer can legitimately lie days ahead, so the ones that wait too long cannot be
 *   identified: after an observed step all timers become due, and their evaluation sets them again.
 */
export async function repairClockStep(
  redis: Redis,
  { minWaitMs, wasSeen }: { minWaitMs: number; wasSeen: boolean },
): Promise<RepairedWaits> {
  let commands = 0;
  let devices = 0;
  let timers = 0;
  let effects = 0;
  for (let first = 0; first < ALL_SHARDS.length; first += SHARDS_PER_TRIP) {
    const shards = ALL_SHARDS.slice(first, first + SHARDS_PER_TRIP);
    commands += await shortenCommands(redis, shards, minWaitMs);
    devices += await shortenFreshness(redis, shards);
    if (wasSeen) timers += await makeDue(redis, shards, timersKey, 0);
    // An extra check does no harm: an undecided effect waits again, from now.
    effects += await makeDue(redis, shards, effectsKey, wasSeen ? 0 : MAX_EFFECT_WAIT_MS);
    if (wasSeen) await makeDue(redis, shards, edgeDueKey, 0);
  }
  return { commands, devices, rollouts: await shortenRollouts(redis), timers, effects };
}

async function shortenCommands(redis: Redis, shards: readonly number[], minWaitMs: number) {
  let shortened = 0;
  let pages = shards.map((shard) => ({ shard, after: '' }));
  while (pages.length > 0) {
    const calls = pages.map(({ shard, after }) => ({
      keys: commandKeys(shard),
      args: [after, PAGE, minWaitMs],
    }));
    const replies = (await withPause(() => callFunctions(redis, 'repairDueTimes-6', calls))) as [
      last: string,
      shortened: number,
    ][];
    for (const [, count] of replies) shortened += count;
    pages = pages.flatMap(({ shard }, i) => {
      const [after] = replies[i]!;
      return after === '' ? [] : [{ shard, after }];
    });
  }
  return shortened;
}

async function withPause<T>(call: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await call();
  await delay(Math.min(performance.now() - started, LONGEST_PAUSE_MS));
  return result;
}

interface Place {
  readonly shard: number;
  readonly fleet: string;
  /** Devices whose long freshness is correct: they sleep, or rarely report. */
  readonly skipped: number;
}

async function shortenFreshness(redis: Redis, shards: readonly number[]) {
  const fleets = (await pipelined(redis, shards, (pipeline, shard) =>
    pipeline.smembers(fleetsKey(shard)),
  )) as string[][];
  let shortened = 0;
  let places: Place[] = shards.flatMap((shard, i) =>
    fleets[i]!.map((fleet) => ({ shard, fleet, skipped: 0 })),
  );
  while (places.length > 0) {
    const some = places.slice(0, PAGE);
    const now = await redisNow(redis);
    const pages = await pipelined(redis, some, (pipeline, { shard, fleet, skipped }) =>
      pipeline.zrevrangebyscore(
        presenceKey(shard, fleet),
        '+inf',
        now + FRESH_MS + EXACT_MS,
        'WITHSCORES',
        'LIMIT',
        skipped,
        PAGE,
      ),
    );
    const next: Place[] = [];
    for (const [i, place] of some.entries()) {
      const entries = (pages[i] as unknown[]).flat() as string[]; // RESP3 replies in pairs
      const changed = await shortenPage(redis, place, entries, now);
      shortened += changed;
      const read = entries.length / 2;
      if (read === PAGE) next.push({ ...place, skipped: place.skipped + read - changed });
    }
    places = [...next, ...places.slice(PAGE)];
  }
  return shortened;
}

/** @param entries names and scores, alternating @returns how many of these devices were fresh for too long */
async function shortenPage(redis: Redis, { shard, fleet }: Place, entries: readonly string[], now: number) {
  const names = entries.filter((_, i) => i % 2 === 0);
  const sessions = (await pipelined(redis, names, (pipeline, name) =>
    pipeline.hmget(deviceKey(shard, fleet, name), 'session', 'interval:longest'),
  )) as (string | null)[][];
  const late = names.flatMap((name, i) => {
    const [session, longest] = sessions[i]!; // as recordPresence-5.lua and settings.ts write them
    const [, , , , sleeps, reports] = (session ?? '').split(',');
    const usual = Number(reports) > 0 ? 1.5 * Number(reports) : FRESH_MS;
    const period = Number(sleeps) > 0 ? 1.5 * Number(sleeps) : Math.max(usual, 1.5 * Number(longest ?? 0));
    const until = now + period;
    return Number(entries[2 * i + 1]) > until + EXACT_MS ? [{ name, until }] : [];
  });
  // LT: a device that reports or says goodbye in the meantime keeps its own, earlier time.
  await pipelined(redis, late, (pipeline, { name, until }) =>
    pipeline.zadd(presenceKey(shard, fleet), 'XX', 'LT', until, name),
  );
  return late.length;
}

/** Makes entries due now that are due later than `waitMs` from now. */
async function makeDue(
  redis: Redis,
  shards: readonly number[],
  keyOf: (shard: number) => string,
  waitMs: number,
) {
  let woken = 0;
  let waiting = shards;
  while (waiting.length > 0) {
    const now = await redisNow(redis);
    const pages = (await pipelined(redis, waiting, (pipeline, shard) =>
      pipeline.zrangebyscore(keyOf(shard), `(${now + waitMs}`, '+inf', 'LIMIT', 0, PAGE),
    )) as string[][];
    const found = pages.flatMap((members, i) =>
      members.length > 0 ? [{ shard: waiting[i]!, members }] : [],
    );
    await pipelined(redis, found, (pipeline, { shard, members }) =>
      pipeline.zadd(keyOf(shard), 'XX', 'LT', ...members.flatMap((member) => [now, member])),
    );
    woken += found.reduce((sum, { members }) => sum + members.length, 0);
    waiting = waiting.filter((_, i) => pages[i]!.length === PAGE);
  }
  return woken;
}

async function shortenRollouts(redis: Redis) {
  const until = (await redisNow(redis)) + ROLLOUT_LEASE_MS + ROLLOUT_PAUSE_MS;
  const late = await redis.zrangebyscore(ROLLOUTS_DUE_KEY, `(${until}`, '+inf');
  if (late.length > 0) await redis.zadd(ROLLOUTS_DUE_KEY, 'XX', 'LT', ...late.flatMap((id) => [until, id]));
  return late.length;
}
