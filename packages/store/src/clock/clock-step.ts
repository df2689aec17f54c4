import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { LEASE_MS } from '../delivery/lease.js';
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
import { ALL_SHARDS, pipelined } from '../redis/pipelined.js';
import { runScripts } from '../redis/script.js';
import { ROLLOUT_LEASE_MS, ROLLOUT_PAUSE_MS } from '../rollouts/rollout-lease.js';

/** What a clock that was set back would have left waiting, by kind. */
export interface RepairedWaits {
  readonly commands: number;
  readonly devices: number;
  readonly rollouts: number;
  readonly timers: number;
  readonly effects: number;
}

/** Open commands, devices, timers or effects of one shard that are looked at in one call, and shards in one round trip. */
const PAGE = 100;
const SHARDS_PER_TRIP = 4;
/** After each round trip Redis belongs to others for as long as that took, but no longer than this; milliseconds. */
const LONGEST_PAUSE_MS = 50;
/** Freshness is exact to a second. */
const EXACT_MS = 1000;

/**
 * Every wait in the store ends at a time on the clock of Redis. When that clock is set back, waits that had begun would last
 * longer by as much: leases and timeouts, so that lanes stand still, back-offs, the freshness of silent devices, the leases of
 * rollouts whose holder is gone, timers of rules, looks at effects, and judgements of devices' decisions. This lets none of them last longer than one that begins now.
 *
 * It walks all open commands, a page at a time (a million of them take Redis some seconds, and never more than half of its time),
 * and changes nothing where no wait is too long. So it may be done without need, twice, or by several replicas at once. If it
 * fails half-way it is to be done again.
 *
 * Expiries of commands are no waits but promises: they are told to devices, and stay.
 * @param options.leastWaitMs the longest that `requeueCommands` is asked for, milliseconds
 * @param options.wasSeen it is known that the clock was set back. Timers may rightly wait for days, so that nothing shows which of
 *   them wait too long: only then all of them are judged anew, which sets those that go on waiting again.
 */
export async function repairClockStep(
  redis: Redis,
  { leastWaitMs, wasSeen }: { leastWaitMs: number; wasSeen: boolean },
): Promise<RepairedWaits> {
  let commands = 0;
  let devices = 0;
  let timers = 0;
  let effects = 0;
  for (let first = 0; first < ALL_SHARDS.length; first += SHARDS_PER_TRIP) {
    const shards = ALL_SHARDS.slice(first, first + SHARDS_PER_TRIP);
    commands += await shortenCommands(redis, shards, leastWaitMs);
    devices += await shortenFreshness(redis, shards);
    if (wasSeen) timers += await makeDue(redis, shards, timersKey, 0);
    // Looking once more does no harm: what is not known yet waits again, from now.
    effects += await makeDue(redis, shards, effectsKey, wasSeen ? 0 : MAX_EFFECT_WAIT_MS);
    if (wasSeen) await makeDue(redis, shards, edgeDueKey, 0);
  }
  return { commands, devices, rollouts: await shortenRollouts(redis), timers, effects };
}

async function shortenCommands(redis: Redis, shards: readonly number[], leastWaitMs: number) {
  let shortened = 0;
  let pages = shards.map((shard) => ({ shard, after: '' }));
  while (pages.length > 0) {
    const calls = pages.map(({ shard, after }) => ({
      keys: commandKeys(shard),
      args: [after, PAGE, LEASE_MS, leastWaitMs],
    }));
    const replies = (await withPause(() => runScripts(redis, 'repairDueTimes-6', calls))) as [
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
  /** Devices with later ends of freshness that are right: they sleep, or seldom report. */
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
      const entries = (pages[i] as unknown[]).flat() as string[]; // RESP3 answers in pairs
      const changed = await shortenPage(redis, place, entries, now);
      shortened += changed;
      const looked = entries.length / 2;
      if (looked === PAGE) next.push({ ...place, skipped: place.skipped + looked - changed });
    }
    places = [...next, ...places.slice(PAGE)];
  }
  return shortened;
}

/** @returns how many of these devices, names and scores in turn, were fresh for too long */
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
  // Whoever reports or says goodbye meanwhile has a time of its own, which is nearer, or follows with the next reading.
  await pipelined(redis, late, (pipeline, { name, until }) =>
    pipeline.zadd(presenceKey(shard, fleet), 'XX', 'LT', until, name),
  );
  return late.length;
}

/** What would be due only when so much time has passed, milliseconds, is due now. */
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
