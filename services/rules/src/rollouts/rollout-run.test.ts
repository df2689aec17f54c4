import { listCommands } from '@lamplighter/store/commands/read-commands';
import { acknowledgeCommands } from '@lamplighter/store/delivery/acknowledge-commands';
import { claimCommands } from '@lamplighter/store/delivery/claim-commands';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { ROLLOUTS_DUE_KEY, SHARDS } from '@lamplighter/store/keys';
import { connectRedis, type Redis } from '@lamplighter/store/redis/connect';
import { claimRollouts, type HeldRollout } from '@lamplighter/store/rollouts/rollout-lease';
import {
  cancelRollout,
  createRollout,
  type RolloutRequest,
  readRollout,
} from '@lamplighter/store/rollouts/rollouts';
import { NEW_DEVICE } from '@lamplighter/store/rules/state-version';
import { acceptReadings } from '@lamplighter/store/telemetry/accept-readings';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { until } from '@lamplighter/test-kit/until';
import { failAfter, ProcessDied } from '../../test/failing-redis.js';
import { RolloutRun } from './rollout-run.js';

let redis: Redis;
beforeAll(async () => {
  const server = await startRedis({ settings: ['appendfsync no'] });
  redis = connectRedis(server.url, 'test');
  closeLater('Redis client', () => redis.disconnect());
  await until(() => redis.status === 'ready', { what: 'the connection to Redis' });
});

let fleets = 0;
/** A fleet with a number of devices; the light of each is its index. */
async function fleetOf(count: number): Promise<{ fleet: string; devices: string[] }> {
  fleets += 1;
  const fleet = `fleet-${fleets}`;
  const devices = Array.from({ length: count }, (_, i) => `lamp-${String(i).padStart(4, '0')}`);
  await acceptReadings(
    redis,
    'test',
    devices.map((device, i) => ({
      address: new DeviceAddress(fleet, device, false),
      part: i + 1,
      version: NEW_DEVICE,
      rules: '',
      live: [{ n: undefined, seq: undefined, at: undefined, json: `{"light":${i}}` }],
      late: [],
      commands: [],
    })),
  );
  return { fleet, devices };
}

async function create(fleet: string, changes: Partial<RolloutRequest> = {}): Promise<string> {
  const result = await createRollout(redis, fleet, {
    action: { led_on: true },
    lane: 'led_on',
    policy: 'latest',
    ttl: '1h',
    timeout: '1m',
    attempts: 5,
    rate: 50,
    selector: {},
    ...changes,
  });
  if (result.outcome !== 'created') throw new Error(result.outcome);
  return result.rollout.id;
}

/** Claims a rollout as if the lease of the previous holder had expired. */
async function claim(id: string, by: Redis = redis): Promise<HeldRollout | undefined> {
  await redis.zadd(ROLLOUTS_DUE_KEY, 'XX', 1, id);
  return (await claimRollouts(by, 1000)).find((held) => held.id === id);
}

/** A run whose clock advances by `stepMs` before each step; records its notifications. */
function runOf(held: HeldRollout, by: Redis = redis, stepMs = 1000) {
  let clock = 0;
  const progress: string[] = [];
  const turns: string[] = [];
  const run = new RolloutRun(
    by,
    held,
    {
      turned: (_rollout, some) => turns.push(...some.map(({ device, outcome }) => `${device} ${outcome}`)),
      swept: () => undefined,
      progressed: (_rollout, state) => progress.push(`${clock} ${state}`),
    },
    () => clock,
  );
  return {
    progress,
    turns,
    release: () => run.release(),
    step: () => {
      clock += stepMs;
      return run.step();
    },
  };
}

/** Acknowledges every dispatched command. */
async function acknowledgeAll(fleet: string, status: 'succeeded' | 'failed' = 'succeeded'): Promise<void> {
  const claims = await claimCommands(redis, [...Array(SHARDS).keys()], 1000);
  await acknowledgeCommands(
    redis,
    claims
      .filter(({ command }) => command.fleet === fleet)
      .map(({ command: { device, id } }) => ({
        device: `${fleet}/${device}`,
        acknowledgement: { id, status },
        cause: 'device',
      })),
  );
}

async function commandsPerDevice(fleet: string, devices: readonly string[]): Promise<number[]> {
  return Promise.all(
    devices.map(async (device) => (await listCommands(redis, fleet, device, { limit: 100 })).length),
  );
}

describe('RolloutRun', () => {
  it('gives turns at the rate and does not catch up after a pause', async () => {
    const { fleet } = await fleetOf(60);
    const { step, turns } = runOf((await claim(await create(fleet, { rate: 10 })))!, redis, 250);
    const taken: number[] = [];
    for (let i = 0; i < 4; i += 1) {
      await step();
      taken.push(turns.length);
    }
    expect(taken).toEqual([2, 5, 7, 10]);
    const paused = runOf((await claim(await create(fleet, { rate: 10 })))!, redis, 60_000);
    await paused.step();
    expect(paused.turns).toHaveLength(10);
  });

  it('gives each device of a selective rollout exactly one turn', async () => {
    const { fleet, devices } = await fleetOf(300);
    const held = (await claim(await create(fleet, { rate: 7, selector: { when: 'light >= 280' } })))!;
    const { step, turns } = runOf(held);
    for (let i = 0; i < 6; i += 1) await step();
    expect(turns.toSorted()).toEqual(devices.slice(280).map((device) => `${device} enqueued`));
  });

  it('reports progress at most once a second, and the end', async () => {
    const { fleet } = await fleetOf(40);
    const id = await create(fleet, { rate: 10 });
    const { step, progress } = runOf((await claim(id))!, redis, 400);
    while (await step()) await acknowledgeAll(fleet);
    expect(progress.at(-1)).toMatch(/ done$/);
    const times = progress.slice(0, -1).map((entry) => Number(entry.split(' ')[0]));
    expect(times.length).toBeGreaterThan(1);
    for (const [i, time] of times.slice(1).entries()) expect(time - times[i]!).toBeGreaterThanOrEqual(1000);
    expect(await readRollout(redis, id)).toMatchObject({ state: 'done', outcomes: { succeeded: 40 } });
  });

  it('continues at another replica from its position when it is released', async () => {
    const { fleet, devices } = await fleetOf(40);
    const id = await create(fleet, { rate: 10 });
    const first = runOf((await claim(id))!);
    await first.step();
    await first.release();
    const [held] = (await claimRollouts(redis, 1000)).filter((one) => one.id === id);
    const second = runOf(held!);
    for (let i = 0; i < 4; i += 1) await second.step();
    expect(second.turns.every((turn) => turn.endsWith('enqueued'))).toBe(true);
    expect(await commandsPerDevice(fleet, devices)).toEqual(devices.map(() => 1));
  });
});

describe('a process that dies at any call to Redis', () => {
  /** Claims the rollout and runs it until it ends or the process dies. */
  async function runToEnd(id: string, by: Redis, meanwhile?: () => Promise<void>): Promise<void> {
    const held = await claim(id, by);
    if (held === undefined) return;
    const { step } = runOf(held, by, 10_001);
    while (await step()) await meanwhile?.();
  }

  it.each(['before execution', 'after execution'] as const)(
    'leaves a rollout that the next process ends, with one command per device: %s',
    async (when) => {
      let calls = 0;
      for (let dies = true; dies; calls += 1) {
        const { fleet, devices } = await fleetOf(12);
        const id = await create(fleet, { rate: 5 });
        const failing = failAfter(redis, calls, when);
        dies = await runToEnd(id, failing, () => acknowledgeAll(fleet)).then(
          () => false,
          (error: unknown) => {
            if (!(error instanceof ProcessDied)) throw error;
            return true;
          },
        );
        await runToEnd(id, redis, () => acknowledgeAll(fleet));
        expect(await commandsPerDevice(fleet, devices)).toEqual(devices.map(() => 1));
        expect(await readRollout(redis, id)).toMatchObject({
          ...{ state: 'done', enqueued: 12, outcomes: { succeeded: 12 } },
        });
        expect(await redis.zscore(ROLLOUTS_DUE_KEY, id)).toBeNull();
      }
      expect(calls).toBeGreaterThan(15);
    },
    180_000,
  );

  it('leaves the rest of a sweep to the next process', async () => {
    for (let calls = 0, dies = true; dies; calls += 1) {
      const { fleet } = await fleetOf(10);
      const id = await create(fleet, { rate: 5 });
      await runOf((await claim(id))!).step();
      await cancelRollout(redis, id);
      dies = await runToEnd(id, failAfter(redis, calls, 'after execution')).then(
        () => false,
        () => true,
      );
      await runToEnd(id, redis);
      const rollout = await readRollout(redis, id);
      expect(rollout).toMatchObject({ state: 'cancelled', enqueued: 5, outcomes: { cancelled: 5 } });
      expect(await redis.zscore(ROLLOUTS_DUE_KEY, id)).toBeNull();
    }
  }, 180_000);
});
