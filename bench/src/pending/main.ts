import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startRedis } from '@lamplighter/native/redis';
import { generateSecret } from '@lamplighter/native/secrets';
import { answerCommands, claimCommands, enqueueCommand } from '@lamplighter/store/commands';
import { SHARDS, shardOf } from '@lamplighter/store/keys';
import { Redis } from 'ioredis';
import { freePort } from '../bed/free-port.js';
import { readUsage } from '../measure/process-usage.js';

/**
 * What waiting commands cost Redis: memory per command that waits, and CPU per command taken, claimed and answered.
 * The writes are as durable as always (`appendfsync always`), many in each; the time spent in scripts is Redis's own count.
 * `node bench/dist/pending/main.js [--commands 1000000] [--per-device 10] [--answers 20000]`
 */
const BATCH = 500;
const FLEETS = 10;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      commands: { type: 'string', default: '1000000' },
      'per-device': { type: 'string', default: '10' },
      answers: { type: 'string', default: '20000' },
    },
  });
  const [commands, perDevice, answers] = [values.commands, values['per-device'], values.answers].map(
    Number,
  ) as [number, number, number];
  const folder = mkdtempSync(join(tmpdir(), 'lamplighter-pending-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const server = await startRedis({
    folder: join(folder, 'redis'),
    port: await freePort(),
    password: generateSecret(),
  });
  const redis = new Redis(server.url);
  try {
    const answered = await measureAnswers(redis, server.pid, answers);
    console.log(`taken     ${answered.enqueue}`);
    console.log(`claimed   ${answered.claim}`);
    console.log(`answered  ${answered.answer}`);
    await redis.flushall();
    const empty = await memory(redis);
    const started = performance.now();
    for (let n = 0; n < commands; n += BATCH)
      await enqueueMany(n, Math.min(BATCH, commands - n), perDevice, redis);
    const seconds = (performance.now() - started) / 1000;
    const full = await memory(redis);
    console.log(
      `${commands} pending on ${Math.ceil(commands / perDevice)} devices, taken in ${seconds.toFixed(0)} s: ` +
        `${((full.used - empty.used) / 1e6).toFixed(0)} MB used, ${((full.used - empty.used) / commands).toFixed(0)} bytes each; ` +
        `${(full.rss / 1e6).toFixed(0)} MB resident`,
    );
  } finally {
    redis.disconnect();
    await server.stop();
  }
}

/** Takes commands for devices of which each has `perDevice` in one ordered lane, many in one round trip. */
function enqueueMany(first: number, count: number, perDevice: number, redis: Redis) {
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const n = Math.floor((first + i) / perDevice);
      const fleet = `fleet-${n % FLEETS}`;
      const device = `lamp-${String(n).padStart(7, '0')}`;
      const result = await enqueueCommand(redis, {
        fleet,
        device,
        lane: 'led',
        policy: 'ordered',
        ttl: 24 * 3_600_000,
        action: { led_on: n % 2 === 0 },
      });
      if (result.outcome !== 'enqueued') throw new Error(result.outcome);
      return { id: result.id, device: `${fleet}/${device}`, shard: shardOf(fleet, device) };
    }),
  );
}

async function measureAnswers(redis: Redis, pid: number, count: number) {
  const taken: { id: string; device: string }[] = [];
  const enqueue = await cost(redis, pid, count, async () => {
    for (let n = 0; n < count; n += BATCH) taken.push(...(await enqueueMany(n, BATCH, 1, redis)));
  });
  const claim = await cost(redis, pid, count, async () => {
    for (let shard = 0; shard < SHARDS; shard += 1)
      while ((await claimCommands(redis, [shard], 100)).length > 0);
  });
  const answer = await cost(redis, pid, count, async () => {
    for (let n = 0; n < count; n += BATCH) {
      const answers = taken
        .slice(n, n + BATCH)
        .map(({ id, device }) => ({ device, answer: { id, status: 'succeeded' as const }, cause: 'device' }));
      const outcomes = await answerCommands(redis, answers);
      if (outcomes.some(({ outcome }) => outcome !== 'succeeded')) throw new Error('an answer was not taken');
    }
  });
  return { enqueue, claim, answer };
}

/** Microseconds of Redis for each of `count` commands: in scripts, and of the whole process. */
async function cost(redis: Redis, pid: number, count: number, work: () => Promise<void>): Promise<string> {
  await redis.config('RESETSTAT');
  const before = readUsage(pid).cpuSeconds;
  await work();
  const cpu = readUsage(pid).cpuSeconds - before;
  const usec = Number(/cmdstat_evalsha:calls=\d+,usec=(\d+)/.exec(await redis.info('commandstats'))?.[1]);
  return `${(usec / count).toFixed(1)} us in scripts, ${((cpu * 1e6) / count).toFixed(1)} us of CPU, each`;
}

async function memory(redis: Redis): Promise<{ used: number; rss: number }> {
  const info = await redis.info('memory');
  const number = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);
  return { used: number('used_memory'), rss: number('used_memory_rss') };
}

await main();
