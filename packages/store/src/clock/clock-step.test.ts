import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { timePasses } from '@lamplighter/test-kit/store/time-passes';
import { DeviceQueue } from '../../test/device-queue.js';
import { withDeviceQueue } from '../../test/store-setup.js';
import { DeviceAddress } from '../devices/device-address.js';
import { readDevice } from '../devices/devices.js';
import { recordPresence } from '../devices/presence.js';
import { claimEffects, MAX_EFFECT_WAIT_MS } from '../effects/effects.js';
import {
  commandKeys,
  effectsKey,
  FRESH_MS,
  LEASE_MS,
  ROLLOUTS_DUE_KEY,
  shardOf,
  timersKey,
} from '../keys.js';
import { redisNow } from '../redis/connect.js';
import { claimRollouts, ROLLOUT_LEASE_MS, ROLLOUT_PAUSE_MS } from '../rollouts/rollout-lease.js';
import { repairClockStep } from './clock-step.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const MIN_WAIT = 1000;
const NOTHING = { commands: 0, devices: 0, rollouts: 0, timers: 0, effects: 0 };

let store: StoreUnderTest;
let robot: DeviceAddress;
let queue: DeviceQueue;
withDeviceQueue(
  (setup) => {
    ({ store, device: robot, queue } = setup);
  },
  { isConnected: false },
);

/** The Redis clock goes backwards: as seen from now, every time in the store is later. */
const setBack = (ms = HOUR) => timePasses(store.redis, -ms);
const repair = (wasSeen = false) => repairClockStep(store.redis, { minWaitMs: MIN_WAIT, wasSeen });
const dues = async () => store.redis.zrange(commandKeys(robot.shard)[5]!, '0', '-1', 'WITHSCORES');

describe('after the clock went backwards and the repair', () => {
  beforeEach(() => queue.connect());

  it('an unacknowledged command is dispatched again after a lease', async () => {
    await queue.enqueue('up');
    await queue.claim();
    const lease = await queue.lease('up', 1);
    await setBack();
    await queue.pass(LEASE_MS);
    expect(await queue.claim()).toEqual([]); // without the repair
    expect(await repair()).toEqual({ ...NOTHING, commands: 1, devices: 1 });
    expect(await queue.claim()).toEqual([]);
    await queue.pass(LEASE_MS);
    expect(await queue.claim()).toEqual(['up dispatched 2']);
    // The former lease has no effect.
    expect(await queue.giveUp('up', { ...lease, claimedAt: lease.claimedAt + HOUR - 2 * LEASE_MS })).toBe(
      'moved on',
    );
    expect(await queue.acknowledge('up', 'succeeded')).toBe('succeeded');
  });

  it('a later attempt has its longer lease', async () => {
    await queue.enqueue('up');
    await queue.claim();
    await queue.pass(LEASE_MS);
    await queue.claim();
    await setBack();
    await repair();
    await queue.pass(2 * LEASE_MS - 1000);
    expect(await queue.claim()).toEqual([]);
    await queue.pass(1000);
    expect(await queue.claim()).toEqual(['up dispatched 3']);
  });

  it('an acknowledged command has its timeout again', async () => {
    await queue.enqueue('up', { timeoutMs: 90_000 });
    await queue.claim();
    await queue.acknowledge('up', 'acknowledged');
    await setBack();
    await repair();
    await queue.pass(80_000);
    expect(await queue.claim()).toEqual([]);
    await queue.pass(10_000);
    expect(await queue.claim()).toEqual(['up dispatched 2']);
  });

  it('a due command stays due, and the commands behind it wait for their turn', async () => {
    await queue.enqueue('up');
    await queue.enqueue('down');
    await setBack();
    expect(await queue.claim()).toEqual([]);
    expect(await repair()).toEqual({ ...NOTHING, commands: 1, devices: 1 });
    expect(await queue.claim()).toEqual(['up dispatched 1']);
    await queue.acknowledge('up', 'succeeded');
    expect(await queue.claim()).toEqual(['down dispatched 1']);
  });

  it('a command whose turn has just come is due, regardless of its age', async () => {
    await queue.enqueue('up', { ttl: 24 * HOUR });
    await queue.enqueue('down', { ttl: 24 * HOUR });
    await queue.claim();
    await queue.pass(5 * HOUR);
    await queue.acknowledge('up', 'succeeded');
    await setBack();
    await repair();
    expect(await queue.claim()).toEqual(['down dispatched 1']);
  });

  it('a requeued command waits for a time that depends on its age, from now', async () => {
    await queue.enqueue('up', { ttl: 24 * HOUR });
    await queue.pass(400_000);
    await queue.claim();
    await queue.requeue('up', 1, MIN_WAIT);
    await setBack();
    await repair();
    await queue.pass(99_000);
    expect(await queue.claim()).toEqual([]);
    await queue.pass(2000);
    expect(await queue.claim()).toEqual(['up dispatched 1']);
    // Its age is unchanged, although its creation seems to be in the future.
    await queue.requeue('up', 1, MIN_WAIT);
    await queue.pass(90_000);
    expect(await queue.claim()).toEqual([]);
    await queue.pass(20_000);
    expect(await queue.claim()).toEqual(['up dispatched 1']);
  });

  it('a lane that a failure has stopped stays stopped', async () => {
    await queue.enqueue('up', { onFailure: 'stop' });
    await queue.enqueue('down');
    await queue.claim();
    await queue.acknowledge('up', 'failed');
    await setBack();
    expect(await repair()).toEqual({ ...NOTHING, devices: 1 });
    expect([await queue.claim(), await queue.stopped()]).toEqual([[], ['arm by up']]);
    await queue.resume();
    expect(await queue.claim()).toEqual(['down dispatched 1']);
  });

  it('a command expires at the time that was announced, later by the step', async () => {
    await queue.enqueue('up', { ttl: MINUTE });
    await queue.enqueue('down', { ttl: MINUTE });
    await setBack();
    await repair();
    await queue.claim();
    await queue.giveUp('up');
    await queue.pass(HOUR);
    expect(await queue.states()).toBe('up unknown, down pending');
    await queue.pass(MINUTE);
    expect(await queue.claim()).toEqual(['down expired 0']);
  });

  it('a device whose birth preceded the step does not count as returned', async () => {
    await recordPresence(store.redis, [{ address: robot, message: { online: true, session: 1 } }]);
    await queue.enqueue('up');
    await setBack();
    await repair();
    await queue.claim();
    expect([...(await queue.requeue('up', 1))]).toEqual([]);
  });

  it('nothing is left to repair, and repeating it changes nothing', async () => {
    for (const lane of ['a', 'b', 'c', 'd']) await queue.enqueue(lane, { lane });
    await queue.claim(3);
    await queue.acknowledge('a', 'acknowledged');
    await queue.requeue('b', 1);
    await setBack();
    const repaired = await Promise.all([repair(), repair(), repair()]);
    expect(repaired.reduce((sum, { commands }) => sum + commands, 0)).toBeGreaterThanOrEqual(4);
    const before = await dues();
    expect([await repair(), await dues()]).toEqual([NOTHING, before]);
  });
});

it('a repair without a backward step changes nothing', async () => {
  await queue.connect();
  for (const lane of ['a', 'b', 'c', 'd', 'e']) await queue.enqueue(lane, { lane, timeoutMs: HOUR });
  await queue.enqueue('behind', { lane: 'a' });
  await queue.pass(20 * MINUTE);
  await queue.claim(4);
  await queue.acknowledge('a', 'acknowledged');
  await queue.requeue('b', 1, MIN_WAIT);
  await queue.pass(LEASE_MS);
  await queue.claim(1);
  const sleeper = new DeviceAddress(robot.fleet, 'sleeper', false);
  await recordPresence(store.redis, [
    { address: sleeper, message: { online: true, session: 1, sleeps: HOUR } },
  ]);
  await store.redis.zadd(
    ROLLOUTS_DUE_KEY,
    (await redisNow(store.redis)) + ROLLOUT_LEASE_MS + ROLLOUT_PAUSE_MS,
    'R',
  );
  const before = await dues();
  expect([await repair(), await dues()]).toEqual([NOTHING, before]);
});

it('the repair covers all commands of a shard', async () => {
  const neighbours: string[] = [];
  for (let i = 0; neighbours.length < 5; i += 1)
    if (shardOf(robot.fleet, `robot-${i}`) === robot.shard) neighbours.push(`robot-${i}`);
  const queues = neighbours.map(
    (name) => new DeviceQueue(store.redis, new DeviceAddress(robot.fleet, name, false)),
  );
  const lanes = Array.from({ length: 90 }, (_, i) => `lane-${i}`);
  for (const one of queues) await one.connect();
  for (const one of queues) await Promise.all(lanes.map((lane) => one.enqueue(lane, { lane })));
  await setBack();
  expect(await repair()).toEqual({ ...NOTHING, commands: 450, devices: 5 });
  expect(await queue.claims(1000)).toHaveLength(450);
});

describe('presence after the clock went backwards', () => {
  const presence = async (device: string) => (await readDevice(store.redis, robot.fleet, device))?.presence;

  it('ends for a silent device after the usual time', async () => {
    const sleeper = new DeviceAddress(robot.fleet, 'sleeper', false);
    const gone = new DeviceAddress(robot.fleet, 'gone', false);
    await recordPresence(store.redis, [
      { address: robot, message: { online: true, session: 1 } },
      { address: sleeper, message: { online: true, session: 1, sleeps: 10 * MINUTE } },
      { address: gone, message: { online: true, session: 1 } },
      { address: gone, message: { online: false, session: 1 } },
    ]);
    await setBack();
    expect(await repair()).toEqual({ ...NOTHING, devices: 2 });
    expect(await repair()).toEqual(NOTHING);
    const all = () => Promise.all(['robot-1', 'sleeper', 'gone'].map(presence));
    expect(await all()).toEqual(['online', 'online', 'offline']);
    await timePasses(store.redis, FRESH_MS + 1000);
    expect(await all()).toEqual(['stale', 'online', 'offline']);
    await timePasses(store.redis, 15 * MINUTE);
    expect(await all()).toEqual(['stale', 'stale', 'offline']);
  });

  it('ends for every device of a large fleet, except sleeping ones', async () => {
    const names = Array.from({ length: 500 }, (_, i) => `lamp-${i}`);
    const inShard = (name: string) => shardOf(robot.fleet, name) === robot.shard;
    let all = names.filter(inShard);
    for (let i = 500; all.length < 450; i += 1) all = inShard(`lamp-${i}`) ? [...all, `lamp-${i}`] : all;
    await recordPresence(
      store.redis,
      all.map((name, i) => ({
        address: new DeviceAddress(robot.fleet, name, false),
        message: { online: true, session: 1, ...(i % 2 === 0 && { sleeps: 24 * HOUR }) },
      })),
    );
    await setBack(10 * MINUTE);
    expect(await repair()).toEqual({ ...NOTHING, devices: 450 });
    await timePasses(store.redis, FRESH_MS + 1000);
    for (const [i, name] of all.entries())
      expect([name, await presence(name)]).toEqual([name, i % 2 === 0 ? 'online' : 'stale']);
  });
});

it('a rollout without a holder is claimed after the longest lease', async () => {
  const now = await redisNow(store.redis);
  await store.redis.zadd(ROLLOUTS_DUE_KEY, now + HOUR, 'R');
  expect(await repair()).toEqual({ ...NOTHING, rollouts: 1 });
  expect(await repair()).toEqual(NOTHING);
  const due = Number(await store.redis.zscore(ROLLOUTS_DUE_KEY, 'R'));
  expect(due).toBeGreaterThanOrEqual(now + ROLLOUT_LEASE_MS + ROLLOUT_PAUSE_MS);
  expect(due).toBeLessThan(now + MINUTE);
  expect(await claimRollouts(store.redis, 10)).toEqual([]);
});

it('all timers are due after an observed step; otherwise none, because they can lie days ahead', async () => {
  const later = (await redisNow(store.redis)) + HOUR;
  const members = Array.from({ length: 450 }, (_, i) => `device/${robot.fleet}/lamp-${i}`);
  await store.redis.zadd(timersKey(7), ...members.flatMap((member) => [later, member]));
  await store.redis.zadd(timersKey(8), later, 'group/fleet/rule', 1, 'device/fleet/due');
  expect(await repair()).toEqual(NOTHING);
  expect(await repair(true)).toEqual({ ...NOTHING, timers: 451 });
  const waiting = `(${await redisNow(store.redis)}`;
  expect(await store.redis.zcount(timersKey(7), waiting, '+inf')).toBe(0);
  expect(await store.redis.zscore(timersKey(8), 'device/fleet/due')).toBe('1');
});

describe('effect checks', () => {
  const wait = async (ms: number, name: string) =>
    store.redis.zadd(effectsKey(9), (await redisNow(store.redis)) + ms, `fleet/${name}/${name}`);
  const claimed = async () => (await claimEffects(store.redis, 500)).checks.map(({ device }) => device);

  it('are due if they would wait for longer than the longest wait', async () => {
    for (let i = 0; i < 450; i += 1) await wait(MAX_EFFECT_WAIT_MS + HOUR, `lamp-${i}`);
    await wait(MAX_EFFECT_WAIT_MS - MINUTE, 'right');
    expect(await repair()).toEqual({ ...NOTHING, effects: 450 });
    expect(await repair()).toEqual(NOTHING);
    const found = await claimed();
    expect([found.length, found.includes('right')]).toEqual([450, false]);
  });

  it('are all due after an observed step', async () => {
    await wait(MINUTE, 'lamp-1');
    expect(await repair(true)).toEqual({ ...NOTHING, effects: 1 });
    expect(await claimed()).toEqual(['lamp-1']);
  });
});
