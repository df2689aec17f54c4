import { connected, type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { EVENTS_KEY } from '../keys.js';
import { appendEvents, eventsAfter, type LiveEvent, lastEventId, readEvents } from './events.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});
beforeEach(async () => {
  await store.redis.flushall();
});

const event = (n: number): LiveEvent => ({ type: 'command', fleet: 'demo', device: 'lamp-0001', n });
const append = (...numbers: number[]) => appendEvents(store.redis, numbers.map(event));
const after = async (id: string, limit = 100) =>
  (await eventsAfter(store.redis, id, limit)).map((stored) => stored.event.n);

it('events are read in order, from any event on', async () => {
  await append(1, 2);
  await append(3);
  const stored = await eventsAfter(store.redis, '0-0', 100);
  expect(stored.map((one) => one.event)).toEqual([event(1), event(2), event(3)]);
  expect(await after(stored[0]!.id)).toEqual([2, 3]);
  expect(await after(stored[2]!.id)).toEqual([]);
  expect(await after('0-0', 2)).toEqual([1, 2]);
});

it('an event keeps any text', async () => {
  const odd: LiveEvent = {
    type: 'telemetry',
    fleet: 'demo',
    device: 'd',
    say: '\0\n"é💡',
    nested: { list: [1, null] },
  };
  await appendEvents(store.redis, [odd]);
  expect((await eventsAfter(store.redis, '0-0', 1))[0]?.event).toEqual(odd);
});

it('a reader that starts at the newest event receives only later ones', async () => {
  expect(await lastEventId(store.redis)).toBe('0-0');
  await append(1);
  const newest = await lastEventId(store.redis);
  await append(2);
  expect(await after(newest)).toEqual([2]);
});

it('a waiting reader receives new events', async () => {
  await append(1);
  const reader = await connected(store.server.url);
  const waiting = readEvents(reader, await lastEventId(store.redis), 4000);
  await append(2, 3);
  const [first] = await waiting;
  expect(first?.event).toEqual(event(2));
  expect((await readEvents(reader, first!.id, 4000)).map((stored) => stored.event)).toEqual([event(3)]);
});

it('a waiting reader receives an empty list at its timeout', async () => {
  const reader = await connected(store.server.url);
  expect(await readEvents(reader, '0-0', 1)).toEqual([]);
});

it('the stream has a limited length', async () => {
  const many = Array.from({ length: 2500 }, (_, i) => event(i));
  for (let round = 0; round < 5; round += 1) await appendEvents(store.redis, many);
  const length = await store.redis.xlen(EVENTS_KEY);
  expect(length).toBeGreaterThanOrEqual(10_000);
  expect(length).toBeLessThan(10_200);
});

it('appending no events makes no call', async () => {
  await appendEvents(store.redis, []);
  expect(await store.redis.exists(EVENTS_KEY)).toBe(0);
});
