import { type StoreUnderTest, startStore } from '../test/store-under-test.js';
import { REJECTED_KEY } from './keys.js';
import { keepRejected, type RejectedSample, readRejected } from './rejected.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});
beforeEach(async () => {
  await store.redis.flushall();
});

const sample = (at: number): RejectedSample => ({
  at,
  reason: 'bad_json',
  topic: 'demo/telemetry/x',
  payload: 'light=1 \ufffd\0',
});

it('samples are read newest first, as many as are asked for', async () => {
  await keepRejected(store.redis, [sample(1), sample(2)]);
  await keepRejected(store.redis, [sample(3)]);
  expect(await readRejected(store.redis, 10)).toEqual([sample(3), sample(2), sample(1)]);
  expect(await readRejected(store.redis, 1)).toEqual([sample(3)]);
});

it('samples are bounded, the oldest are forgotten', async () => {
  for (let first = 0; first < 1000; first += 250)
    await keepRejected(
      store.redis,
      Array.from({ length: 250 }, (_, i) => sample(first + i)),
    );
  const kept = await readRejected(store.redis, 10_000);
  expect([kept.length, kept[0]?.at, kept.at(-1)?.at]).toEqual([200, 999, 800]);
});

it('no samples are no call', async () => {
  await keepRejected(store.redis, []);
  expect(await store.redis.exists(REJECTED_KEY)).toBe(0);
  expect(await readRejected(store.redis, 10)).toEqual([]);
});
