import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { timePasses } from '@lamplighter/test-kit/store/time-passes';
import { DeviceQueue } from '../../test/device-queue.js';
import { DeviceAddress } from '../devices/device-address.js';
import { shardOf } from '../keys.js';
import { OpenCommandCounter } from './open-commands.js';

const MINUTE = 60_000;

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});
beforeEach(async () => {
  await store.redis.flushall();
});
const queueOf = (device: DeviceAddress) => new DeviceQueue(store.redis, device);

it('counts open commands that are due, and those that wait', async () => {
  const counter = new OpenCommandCounter();
  expect(await counter.read(store.redis)).toEqual({ due: 0, waiting: 0, oldestAgeMs: 0 });
  const queue = queueOf(store.newDevice());
  const other = queueOf(store.newDevice());
  for (const one of [queue, other]) await one.connect();
  for (const name of ['up', 'down', 'close']) await queue.enqueue(name);
  await other.enqueue('on');
  expect(await counter.read(store.redis)).toMatchObject({ due: 0, waiting: 4 });
  for (const one of [queue, other]) await one.pass(6000);
  expect(await counter.read(store.redis)).toMatchObject({ due: 2, waiting: 2 });
  await queue.claim();
  expect(await counter.read(store.redis)).toMatchObject({ due: 1, waiting: 3 });
  await queue.acknowledge('up', 'succeeded');
  expect(await counter.read(store.redis)).toMatchObject({ due: 1, waiting: 2 });
  await queue.pass(6000);
  expect(await counter.read(store.redis)).toMatchObject({ due: 2, waiting: 1 });
});

it('reads the age of the oldest command in any shard and state', async () => {
  const counter = new OpenCommandCounter();
  const age = async () => Math.floor((await counter.read(store.redis)).oldestAgeMs / MINUTE);
  const queue = queueOf(store.newDevice());
  await queue.connect();
  await queue.enqueue('up');
  await queue.pass(5 * MINUTE);
  await queue.enqueue('down');
  await queueOf(store.newDevice()).enqueue('on');
  expect(await age()).toBe(5);
  await queue.claim();
  expect(await age()).toBe(5);
  await queue.pass(5 * MINUTE);
  await queue.acknowledge('up', 'succeeded');
  expect(await age()).toBe(5);
});

it('finds the oldest command in several pages, and keeps it until it ends', async () => {
  const fleet = store.newFleet();
  const lanes = Array.from({ length: 100 }, (_, i) => `lane-${i}`);
  const names: string[] = [];
  for (let i = 0; names.length < 7; i += 1) {
    const name = `lamp-${String(i).padStart(5, '0')}`;
    if (shardOf(fleet, name) === 7) names.push(name);
  }
  const queues = names.map((name) => queueOf(new DeviceAddress(fleet, name, false)));
  // The last device by name has the oldest command.
  for (const queue of queues.toReversed()) {
    for (const lane of lanes) await queue.enqueue(lane, { lane });
    await timePasses(store.redis, MINUTE, { shard: 7 });
  }
  const counter = new OpenCommandCounter();
  const read = async () => Math.floor((await counter.read(store.redis)).oldestAgeMs / MINUTE);
  // A page has 200 commands.
  expect([await read(), await read(), await read(), await read()]).toEqual([2, 4, 6, 7]);
  expect([await read(), await read()]).toEqual([7, 7]);
  for (const lane of lanes) await queues.at(-1)!.cancel(lane);
  expect([await read(), await read()]).toEqual([6, 6]);
});
