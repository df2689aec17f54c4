import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { type RejectedSample, readRejected, recordRejected } from './rejected.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});
beforeEach(async () => {
  await store.redis.flushall();
});

const sample = (at: number, more: Partial<RejectedSample> = {}): RejectedSample => ({
  at,
  kind: 'telemetry',
  reason: 'bad_json',
  fleet: 'demo',
  device: 'x',
  topic: 'demo/telemetry/x',
  problem: 'invalid JSON at character 1: light is not a JSON value',
  payload: 'light=1 \ufffd\0',
  ...more,
});

it('samples are read newest first, up to the limit', async () => {
  await recordRejected(store.redis, [sample(1), sample(2)]);
  await recordRejected(store.redis, [sample(3)]);
  expect(await readRejected(store.redis, 10)).toEqual([sample(3), sample(2), sample(1)]);
  expect(await readRejected(store.redis, 1)).toEqual([sample(3)]);
});

it('samples are filtered by kind, reason, fleet and device', async () => {
  const samples = [
    sample(1, { kind: 'presence', reason: 'schema' }),
    sample(2, { kind: 'acknowledgement', reason: 'schema', device: 'y' }),
    sample(3, { fleet: 'plant' }),
    sample(4, { reason: 'clock' }),
  ];
  await recordRejected(store.redis, samples);
  const found = async (filter: Parameters<typeof readRejected>[2]) =>
    (await readRejected(store.redis, 10, filter)).map(({ at }) => at);
  expect(await found({})).toEqual([4, 3, 2, 1]);
  expect(await found({ kind: 'presence' })).toEqual([1]);
  expect(await found({ reason: 'schema' })).toEqual([2, 1]);
  expect(await found({ fleet: 'demo' })).toEqual([4, 2, 1]);
  expect(await found({ fleet: 'demo', device: 'y' })).toEqual([2]);
  expect(await found({ kind: 'edge' })).toEqual([]);
});

it('samples are limited per kind, and the oldest ones are pruned', async () => {
  await recordRejected(store.redis, [sample(0, { kind: 'presence' })]);
  for (let first = 0; first < 1000; first += 250)
    await recordRejected(
      store.redis,
      Array.from({ length: 250 }, (_, i) => sample(first + i)),
    );
  const kept = await readRejected(store.redis, 10_000, { kind: 'telemetry' });
  expect([kept.length, kept[0]?.at, kept.at(-1)?.at]).toEqual([200, 999, 800]);
  expect(await readRejected(store.redis, 10, { kind: 'presence' })).toHaveLength(1);
});

it('a line of the broker’s log is stored once, although every replica records it', async () => {
  const line = (payload: string) =>
    sample(1, { kind: 'connection', reason: 'takeover', client: 'x', payload });
  await recordRejected(store.redis, [line('first'), sample(2)]);
  await recordRejected(store.redis, [line('first'), line('second')]);
  const kept = await readRejected(store.redis, 10, { kind: 'connection' });
  expect(kept.map(({ payload }) => payload).sort()).toEqual(['first', 'second']);
});

it('recording no samples makes no call', async () => {
  await recordRejected(store.redis, []);
  expect(await store.redis.dbsize()).toBe(0);
  expect(await readRejected(store.redis, 10)).toEqual([]);
});
