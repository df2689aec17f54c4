import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { until } from '@lamplighter/test-kit/until';
import { CommandDesk } from '../../test/command-desk.js';
import { withCommandDesk } from '../../test/store-setup.js';
import { DeviceAddress } from '../devices/device-address.js';
import { commandKeys, deviceKey } from '../keys.js';
import { redisNow } from '../redis/connect.js';
import { LEASE_MS } from './lease.js';
import { wakeDevices } from './wake-devices.js';

const HOUR = 3_600_000;

let store: StoreUnderTest;
let robot: DeviceAddress;
let desk: CommandDesk;
withCommandDesk((setup) => {
  ({ store, device: robot, desk } = setup);
});

describe('an ordered lane', () => {
  it('dispatches one command after the acknowledgement of the one before', async () => {
    for (const name of ['up', 'grab', 'down']) await desk.enqueue(name);
    expect(await desk.claim()).toEqual(['up dispatched 1']);
    expect(await desk.claim()).toEqual([]);
    await desk.acknowledge('up', 'acknowledged');
    expect(await desk.claim()).toEqual([]);
    await desk.acknowledge('up', 'succeeded');
    expect(await desk.claim()).toEqual(['grab dispatched 1']);
    expect(await desk.acknowledge('grab', 'failed')).toBe('failed');
    expect(await desk.claim()).toEqual(['down dispatched 1']);
  });

  it('blocks no other lane, and no other device', async () => {
    const other = new CommandDesk(store.redis, new DeviceAddress(robot.fleet, robot.device, false));
    await desk.enqueue('up');
    await desk.enqueue('light', { lane: 'led' });
    await desk.enqueue('lights', { lane: 'led.2' });
    expect((await desk.claim()).sort()).toEqual([
      'light dispatched 1',
      'lights dispatched 1',
      'up dispatched 1',
    ]);
    expect(await other.claim()).toEqual([]);
  });

  it('keeps its order beyond nine commands, and continues its numbers when all have ended', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `step-${i}`);
    for (const name of names) await desk.enqueue(name);
    for (const name of names) {
      expect(await desk.claim()).toEqual([`${name} dispatched 1`]);
      await desk.acknowledge(name, 'succeeded');
    }
    await desk.enqueue('more');
    expect((await desk.read('more'))!.seq).toBeGreaterThan((await desk.read('step-11'))!.seq);
  });

  it('continues its numbers above those that its device has received, after a restore from a backup', async () => {
    await desk.enqueue('in the backup');
    const key = deviceKey(robot.shard, robot.fleet, robot.device);
    const backup = (await store.redis.hget(key, 'lane:arm'))!;
    for (let i = 0; i < 5; i += 1) await desk.enqueue(`lost ${i}`);
    const seen = (await desk.read('lost 4'))!.seq;
    await store.redis.hset(key, 'lane:arm', backup);
    await until(async () => (await redisNow(store.redis)) > seen, { what: 'the next millisecond' });
    await desk.enqueue('new');
    expect((await desk.read('new'))!.seq).toBeGreaterThan(seen);
  });

  it('continues its numbers after the clock went backwards', async () => {
    await desk.enqueue('before');
    const key = deviceKey(robot.shard, robot.fleet, robot.device);
    const later = (await redisNow(store.redis)) + 3_600_000;
    await store.redis.hset(key, 'lane:arm', later);
    await desk.enqueue('after');
    expect((await desk.read('after'))!.seq).toBe(later + 1);
  });

  it.each<[what: string, ends: () => Promise<unknown>]>([
    ['is cancelled', () => desk.cancel('up')],
    ['expires', () => desk.pass(HOUR + 1)],
    [
      'is given up',
      async () => {
        await desk.claim();
        await desk.giveUp('up');
      },
    ],
    [
      'is rejected',
      async () => {
        await desk.claim();
        await desk.acknowledge('up', 'rejected');
      },
    ],
  ])('continues with the next when its head %s', async (_what, ends) => {
    await desk.enqueue('up');
    await desk.enqueue('down', { ttl: 10 * HOUR });
    await ends();
    // A claim that ends a head makes the next command due for the claim after it.
    expect([...(await desk.claim()), ...(await desk.claim())].at(-1)).toBe('down dispatched 1');
  });

  it('keeps its order even if the due times are wrong', async () => {
    for (const name of ['up', 'down']) await desk.enqueue(name);
    await store.redis.zadd(commandKeys(robot.shard)[5]!, 1, desk.id('down'));
    expect(await desk.claim()).toEqual(['up dispatched 1']);
  });

  it('continues when a command in its middle ends', async () => {
    for (const name of ['up', 'grab', 'down']) await desk.enqueue(name);
    await desk.cancel('grab');
    await desk.claim();
    await desk.acknowledge('up', 'succeeded');
    expect(await desk.claim()).toEqual(['down dispatched 1']);
  });
});

describe('a lane with policy latest', () => {
  const set = (name: string) => desk.enqueue(name, { policy: 'latest', lane: 'heating' });

  it('delivers only the newest command', async () => {
    await set('on');
    expect(await set('off')).toMatchObject({ outcome: 'enqueued', superseded: [desk.id('on')] });
    expect(await desk.claim()).toEqual(['off dispatched 1']);
    expect(await desk.states()).toBe('on superseded, off dispatched');
    expect((await desk.read('on'))?.transitions.at(-1)?.cause).toBe(desk.id('off'));
  });

  it('never supersedes a dispatched command', async () => {
    await set('on');
    await desk.claim();
    await set('off');
    await set('half');
    expect(await desk.states()).toBe('on dispatched, off superseded, half pending');
    expect(await desk.claim()).toEqual([]);
    await desk.acknowledge('on', 'succeeded');
    expect(await desk.claim()).toEqual(['half dispatched 1']);
  });

  it('supersedes a requeued command', async () => {
    await set('on');
    await desk.claim();
    await desk.requeue('on', 1);
    await set('off');
    expect(await desk.claim()).toEqual(['off dispatched 1']);
    expect(await desk.states()).toBe('on superseded, off dispatched');
  });

  it('does not supersede a command that may have been executed', async () => {
    await set('on');
    await desk.claim();
    await desk.pass(LEASE_MS);
    await desk.claim();
    await desk.requeue('on', 2);
    expect(await set('off')).toMatchObject({ superseded: [], unknown: [desk.id('on')] });
    expect((await desk.read('on'))?.transitions.at(-1)).toMatchObject({
      state: 'unknown',
      cause: `superseded:${desk.id('off')}`,
    });
    expect(await desk.claim()).toEqual(['off dispatched 1']);
  });

  it('affects no other lane', async () => {
    await set('on');
    await desk.enqueue('light', { policy: 'latest', lane: 'heatin' });
    await desk.enqueue('fan', { policy: 'latest', lane: 'heating.fan' });
    expect(await desk.states()).toBe('on pending, light pending, fan pending');
  });
});

describe('a returning device', () => {
  it('gets the heads of its lanes immediately', async () => {
    await desk.enqueue('up');
    await desk.enqueue('down');
    await desk.enqueue('light', { lane: 'led' });
    await desk.claim();
    await desk.requeue('up', 1, 60_000);
    await desk.requeue('light', 1, 60_000);
    expect(await desk.claim()).toEqual([]);
    expect(await desk.wake()).toBe(2);
    expect((await desk.claim()).sort()).toEqual(['light dispatched 1', 'up dispatched 1']);
  });

  it('gets its commands in turn when many return; devices without pending commands take no time slot', async () => {
    const fleet = (name: string, count: number) =>
      Array.from({ length: count }, (_, i) => new DeviceAddress(robot.fleet, `${name}-${i}`, false));
    const waiting = fleet('robot', 50);
    for (const address of waiting) {
      const one = new CommandDesk(store.redis, address);
      await one.enqueue('up');
      await one.claim();
      await one.requeue('up', 1, 60_000);
    }
    const before = await redisNow(store.redis);
    expect(await wakeDevices(store.redis, [...fleet('idle', 500), ...waiting])).toBe(50);
    const after = await redisNow(store.redis);
    const shards = new Set(waiting.map(({ shard }) => shard));
    const dues = await Promise.all(
      [...shards].map((shard) => store.redis.zrange(commandKeys(shard)[5]!, '0', '-1', 'WITHSCORES')),
    );
    const times = dues.flatMap((due) => due.filter((_, i) => i % 2 === 1)).map(Number);
    expect(Math.min(...times)).toBeLessThanOrEqual(after + 2);
    expect(Math.max(...times)).toBeGreaterThanOrEqual(before + 98);
    expect(Math.max(...times)).toBeLessThanOrEqual(after + 102);
  });

  it('does not get a second dispatch of a command in flight', async () => {
    await desk.enqueue('up');
    await desk.claim();
    expect([await desk.wake(), await desk.claim()]).toEqual([0, []]);
  });

  it('does not wake lanes of a device with a similar name', async () => {
    await desk.enqueue('up');
    await desk.claim();
    await desk.requeue('up', 1, 60_000);
    const others = ['robot-10', 'robot', 'robot-1.0'].map((name) => ({
      shard: robot.shard,
      name: `${robot.fleet}/${name}`,
    }));
    expect(await wakeDevices(store.redis, others)).toBe(0);
  });
});
