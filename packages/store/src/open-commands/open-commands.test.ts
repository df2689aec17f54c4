import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { timePasses } from '@lamplighter/test-kit/store/time-passes';
import { CommandDesk } from '../../test/command-desk.js';
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
const deskOf = (device: DeviceAddress) => new CommandDesk(store.redis, device);

it('counts open commands that are due, and those that wait', async () => {
  const counter = new OpenCommandCounter();
  expect(await counter.read(store.redis)).toEqual({ due: 0, waiting: 0, oldestAgeMs: 0 });
  const desk = deskOf(store.newDevice());
  const other = deskOf(store.newDevice());
  for (const one of [desk, other]) await one.connect();
  for (const name of ['up', 'down', 'close']) await desk.enqueue(name);
  await other.enqueue('on');
  expect(await counter.read(store.redis)).toMatchObject({ due: 0, waiting: 4 });
  for (const one of [desk, other]) await one.pass(6000);
  expect(await counter.read(store.redis)).toMatchObject({ due: 2, waiting: 2 });
  await desk.claim();
  expect(await counter.read(store.redis)).toMatchObject({ due: 1, waiting: 3 });
  await desk.acknowledge('up', 'succeeded');
  expect(await counter.read(store.redis)).toMatchObject({ due: 1, waiting: 2 });
  await desk.pass(6000);
  expect(await counter.read(store.redis)).toMatchObject({ due: 2, waiting: 1 });
});

it('reads the age of the oldest command in any shard and state', async () => {
  const counter = new OpenCommandCounter();
  const age = async () => Math.floor((await counter.read(store.redis)).oldestAgeMs / MINUTE);
  const desk = deskOf(store.newDevice());
  await desk.connect();
  await desk.enqueue('up');
  await desk.pass(5 * MINUTE);
  await desk.enqueue('down');
  await deskOf(store.newDevice()).enqueue('on');
  expect(await age()).toBe(5);
  await desk.claim();
  expect(await age()).toBe(5);
  await desk.pass(5 * MINUTE);
  await desk.acknowledge('up', 'succeeded');
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
  const desks = names.map((name) => deskOf(new DeviceAddress(fleet, name, false)));
  // The last device by name has the oldest command.
  for (const desk of desks.toReversed()) {
    for (const lane of lanes) await desk.enqueue(lane, { lane });
    await timePasses(store.redis, MINUTE, { shard: 7 });
  }
  const counter = new OpenCommandCounter();
  const read = async () => Math.floor((await counter.read(store.redis)).oldestAgeMs / MINUTE);
  // A page has 200 commands.
  expect([await read(), await read(), await read(), await read()]).toEqual([2, 4, 6, 7]);
  expect([await read(), await read()]).toEqual([7, 7]);
  for (const lane of lanes) await desks.at(-1)!.cancel(lane);
  expect([await read(), await read()]).toEqual([6, 6]);
});
