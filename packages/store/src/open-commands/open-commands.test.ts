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

it('counts what has not ended: due, or waiting for whatever', async () => {
  const survey = new OpenCommandCounter();
  expect(await survey.read(store.redis)).toEqual({ due: 0, waiting: 0, oldestAgeMs: 0 });
  const desk = deskOf(store.newDevice());
  const other = deskOf(store.newDevice());
  for (const one of [desk, other]) await one.connect();
  for (const name of ['up', 'down', 'close']) await desk.enqueue(name);
  await other.enqueue('on');
  expect(await survey.read(store.redis)).toMatchObject({ due: 0, waiting: 4 });
  for (const one of [desk, other]) await one.pass(6000);
  expect(await survey.read(store.redis)).toMatchObject({ due: 2, waiting: 2 });
  await desk.claim();
  expect(await survey.read(store.redis)).toMatchObject({ due: 1, waiting: 3 });
  await desk.answer('up', 'succeeded');
  expect(await survey.read(store.redis)).toMatchObject({ due: 1, waiting: 2 });
  await desk.pass(6000);
  expect(await survey.read(store.redis)).toMatchObject({ due: 2, waiting: 1 });
});

it('knows the age of the oldest one, in whichever shard and state it is', async () => {
  const survey = new OpenCommandCounter();
  const age = async () => Math.floor((await survey.read(store.redis)).oldestAgeMs / MINUTE);
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
  await desk.answer('up', 'succeeded');
  expect(await age()).toBe(5);
});

it('finds the oldest of more than one page, and keeps it until it ends', async () => {
  const fleet = store.newFleet();
  const lanes = Array.from({ length: 100 }, (_, i) => `lane-${i}`);
  const names: string[] = [];
  for (let i = 0; names.length < 7; i += 1) {
    const name = `lamp-${String(i).padStart(5, '0')}`;
    if (shardOf(fleet, name) === 7) names.push(name);
  }
  const desks = names.map((name) => deskOf(new DeviceAddress(fleet, name, false)));
  // The last one in the order of names has the oldest.
  for (const desk of desks.toReversed()) {
    for (const lane of lanes) await desk.enqueue(lane, { lane });
    await timePasses(store.redis, MINUTE, { shard: 7 });
  }
  const survey = new OpenCommandCounter();
  const read = async () => Math.floor((await survey.read(store.redis)).oldestAgeMs / MINUTE);
  // 200 at a time.
  expect([await read(), await read(), await read(), await read()]).toEqual([2, 4, 6, 7]);
  expect([await read(), await read()]).toEqual([7, 7]);
  for (const lane of lanes) await desks.at(-1)!.cancel(lane);
  expect([await read(), await read()]).toEqual([6, 6]);
});
