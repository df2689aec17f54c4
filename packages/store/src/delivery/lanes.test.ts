import { emitted, Replica, reading } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { until } from '@lamplighter/test-kit/until';
import { DeviceQueue } from '../../test/device-queue.js';
import { withDeviceQueue } from '../../test/store-setup.js';
import { DeviceAddress } from '../devices/device-address.js';
import { commandKeys, deviceKey, LEASE_MS } from '../keys.js';
import { redisNow } from '../redis/connect.js';
import { wakeDevices } from './wake-devices.js';

const HOUR = 3_600_000;

let store: StoreUnderTest;
let robot: DeviceAddress;
let queue: DeviceQueue;
withDeviceQueue((setup) => {
  ({ store, device: robot, queue } = setup);
});

describe('an ordered lane', () => {
  it('dispatches one command after the acknowledgement of the previous one', async () => {
    for (const name of ['up', 'grab', 'down']) await queue.enqueue(name);
    expect(await queue.claim()).toEqual(['up dispatched 1']);
    expect(await queue.claim()).toEqual([]);
    await queue.acknowledge('up', 'acknowledged');
    expect(await queue.claim()).toEqual([]);
    await queue.acknowledge('up', 'succeeded');
    expect(await queue.claim()).toEqual(['grab dispatched 1']);
    expect(await queue.acknowledge('grab', 'failed')).toBe('failed');
    expect(await queue.claim()).toEqual(['down dispatched 1']);
  });

  it('blocks no other lane, and no other device', async () => {
    const other = new DeviceQueue(store.redis, new DeviceAddress(robot.fleet, robot.device, false));
    await queue.enqueue('up');
    await queue.enqueue('light', { lane: 'led' });
    await queue.enqueue('lights', { lane: 'led.2' });
    expect((await queue.claim()).sort()).toEqual([
      'light dispatched 1',
      'lights dispatched 1',
      'up dispatched 1',
    ]);
    expect(await other.claim()).toEqual([]);
  });

  it('keeps its order beyond nine commands, and continues its numbers when all have ended', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `step-${i}`);
    for (const name of names) await queue.enqueue(name);
    for (const name of names) {
      expect(await queue.claim()).toEqual([`${name} dispatched 1`]);
      await queue.acknowledge(name, 'succeeded');
    }
    await queue.enqueue('more');
    expect((await queue.read('more'))!.seq).toBeGreaterThan((await queue.read('step-11'))!.seq);
  });

  it('continues its numbers above those that its device has received, after a restore from a backup', async () => {
    await queue.enqueue('in the backup');
    const key = deviceKey(robot.shard, robot.fleet, robot.device);
    const backup = (await store.redis.hget(key, 'lane:arm'))!;
    for (let i = 0; i < 5; i += 1) await queue.enqueue(`lost ${i}`);
    const seen = (await queue.read('lost 4'))!.seq;
    await store.redis.hset(key, 'lane:arm', backup);
    await until(async () => (await redisNow(store.redis)) > seen, { what: 'the next millisecond' });
    await queue.enqueue('new');
    expect((await queue.read('new'))!.seq).toBeGreaterThan(seen);
  });

  it('does not trust a count of open commands from before the latest one', async () => {
    await queue.enqueue('first');
    const key = deviceKey(robot.shard, robot.fleet, robot.device);
    const seq = Number(await store.redis.hget(key, 'lane:arm'));
    await store.redis.hset(key, 'open:arm', `${seq - 1},0`); // an earlier version enqueued `first`
    const command = emitted(robot, { lane: 'arm', policy: 'ordered' });
    const { commands } = await new Replica(store.redis).accept(robot, [reading({ light: 1 })], {
      commands: [command],
    });
    expect(commands).toMatchObject([{ state: 'pending' }]);
  });

  it('continues its numbers after the clock went backwards', async () => {
    await queue.enqueue('before');
    const key = deviceKey(robot.shard, robot.fleet, robot.device);
    const later = (await redisNow(store.redis)) + 3_600_000;
    await store.redis.hset(key, 'lane:arm', later);
    await queue.enqueue('after');
    expect((await queue.read('after'))!.seq).toBe(later + 1);
  });

  it.each<[what: string, ends: () => Promise<unknown>]>([
    ['is cancelled', () => queue.cancel('up')],
    ['expires', () => queue.pass(HOUR + 1)],
    [
      'is given up',
      async () => {
        await queue.claim();
        await queue.giveUp('up');
      },
    ],
    [
      'is rejected',
      async () => {
        await queue.claim();
        await queue.acknowledge('up', 'rejected');
      },
    ],
  ])('continues with the next when its head %s', async (_what, ends) => {
    await queue.enqueue('up');
    await queue.enqueue('down', { ttl: 10 * HOUR });
    await ends();
    // A claim that ends a head makes the next command due for the claim after it.
    expect([...(await queue.claim()), ...(await queue.claim())].at(-1)).toBe('down dispatched 1');
  });

  it('keeps its order even if the due times are wrong', async () => {
    for (const name of ['up', 'down']) await queue.enqueue(name);
    await store.redis.zadd(commandKeys(robot.shard)[5]!, 1, queue.id('down'));
    expect(await queue.claim()).toEqual(['up dispatched 1']);
  });

  it('continues when a command in its middle ends', async () => {
    for (const name of ['up', 'grab', 'down']) await queue.enqueue(name);
    await queue.cancel('grab');
    await queue.claim();
    await queue.acknowledge('up', 'succeeded');
    expect(await queue.claim()).toEqual(['down dispatched 1']);
  });
});

describe('a lane with policy latest', () => {
  const set = (name: string) => queue.enqueue(name, { policy: 'latest', lane: 'heating' });

  it('delivers only the newest command', async () => {
    await set('on');
    expect(await set('off')).toMatchObject({ outcome: 'enqueued', superseded: [queue.id('on')] });
    expect(await queue.claim()).toEqual(['off dispatched 1']);
    expect(await queue.states()).toBe('on superseded, off dispatched');
    expect((await queue.read('on'))?.transitions.at(-1)?.cause).toBe(queue.id('off'));
  });

  it('never supersedes a dispatched command', async () => {
    await set('on');
    await queue.claim();
    await set('off');
    await set('half');
    expect(await queue.states()).toBe('on dispatched, off superseded, half pending');
    expect(await queue.claim()).toEqual([]);
    await queue.acknowledge('on', 'succeeded');
    expect(await queue.claim()).toEqual(['half dispatched 1']);
  });

  it('supersedes a requeued command', async () => {
    await set('on');
    await queue.claim();
    await queue.requeue('on', 1);
    await set('off');
    expect(await queue.claim()).toEqual(['off dispatched 1']);
    expect(await queue.states()).toBe('on superseded, off dispatched');
  });

  it('does not supersede a command that may have been executed', async () => {
    await set('on');
    await queue.claim();
    await queue.pass(LEASE_MS);
    await queue.claim();
    await queue.requeue('on', 2);
    expect(await set('off')).toMatchObject({ superseded: [], unknown: [queue.id('on')] });
    expect((await queue.read('on'))?.transitions.at(-1)).toMatchObject({
      state: 'unknown',
      cause: `superseded:${queue.id('off')}`,
    });
    expect(await queue.claim()).toEqual(['off dispatched 1']);
  });

  it('affects no other lane', async () => {
    await set('on');
    await queue.enqueue('light', { policy: 'latest', lane: 'heatin' });
    await queue.enqueue('fan', { policy: 'latest', lane: 'heating.fan' });
    expect(await queue.states()).toBe('on pending, light pending, fan pending');
  });
});

describe('a returning device', () => {
  it('gets the heads of its lanes immediately', async () => {
    await queue.enqueue('up');
    await queue.enqueue('down');
    await queue.enqueue('light', { lane: 'led' });
    await queue.claim();
    await queue.requeue('up', 1, 60_000);
    await queue.requeue('light', 1, 60_000);
    expect(await queue.claim()).toEqual([]);
    expect(await queue.wake()).toBe(2);
    expect((await queue.claim()).sort()).toEqual(['light dispatched 1', 'up dispatched 1']);
  });

  it('gets its commands in turn when many return; devices without pending commands take no time slot', async () => {
    const fleet = (name: string, count: number) =>
      Array.from({ length: count }, (_, i) => new DeviceAddress(robot.fleet, `${name}-${i}`, false));
    const waiting = fleet('robot', 50);
    for (const address of waiting) {
      const one = new DeviceQueue(store.redis, address);
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
    await queue.enqueue('up');
    await queue.claim();
    expect([await queue.wake(), await queue.claim()]).toEqual([0, []]);
  });

  it('does not wake lanes of a device with a similar name', async () => {
    await queue.enqueue('up');
    await queue.claim();
    await queue.requeue('up', 1, 60_000);
    const others = ['robot-10', 'robot', 'robot-1.0'].map((name) => ({
      shard: robot.shard,
      name: `${robot.fleet}/${name}`,
    }));
    expect(await wakeDevices(store.redis, others)).toBe(0);
  });
});
