import { jest } from '@jest/globals';
import { ClockWatch } from './clock-watch.js';

const START = 1_800_000_000_000;
const HOUR = 3_600_000;

/** A watch of a Redis clock that the test sets. */
function startWatch(repair: () => Promise<void> = async () => undefined) {
  const repaired = jest.fn((_stepSeen: boolean) => repair());
  const setBack = jest.fn();
  const watch = new ClockWatch(repaired, setBack, () => undefined);
  const time = { local: 0, redis: START };
  /** Observes the clock after some time; request and response may be delayed. */
  const observe = async ({ passed = 500, requestMs = 0, responseMs = 0 } = {}) => {
    const requestedAt = time.local + passed;
    time.redis += passed + requestMs;
    time.local = requestedAt + requestMs + responseMs;
    watch.observe(time.redis, requestedAt, time.local);
    time.redis += responseMs;
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { repaired, setBack, time, observe };
}

it('repairs once at the start', async () => {
  const { repaired, setBack, observe } = startWatch();
  for (let i = 0; i < 5; i += 1) await observe();
  expect([repaired.mock.calls.length, setBack.mock.calls.length]).toEqual([1, 0]);
});

it('repairs after a backward step and reports its size', async () => {
  const { repaired, setBack, time, observe } = startWatch();
  await observe();
  time.redis -= HOUR;
  await observe();
  await observe();
  expect(repaired.mock.calls).toEqual([[false], [true]]);
  expect(setBack.mock.calls).toEqual([[HOUR]]);
});

it.each([
  ['a leap second', { redis: -1000 }, {}],
  ['a step forward', { redis: HOUR }, {}],
  ['a slow request', {}, { requestMs: 60_000 }],
  ['a slow response', {}, { responseMs: 60_000 }],
  ['a frozen process', {}, { passed: HOUR }],
])('ignores %s', async (_what, { redis = 0 }: { redis?: number }, delay) => {
  const { repaired, time, observe } = startWatch();
  await observe();
  time.redis += redis;
  await observe(delay);
  await observe();
  expect(repaired).toHaveBeenCalledTimes(1);
});

it('retries a failed repair at the next observation', async () => {
  let failures = 2;
  const { repaired, observe } = startWatch(async () => {
    if (failures-- > 0) throw new Error('Redis is unavailable');
  });
  for (let i = 0; i < 6; i += 1) await observe();
  expect(repaired).toHaveBeenCalledTimes(3);
});

it('repairs again after a step during a repair, one at a time', async () => {
  const ends: (() => void)[] = [];
  const { repaired, time, observe } = startWatch(() => new Promise((resolve) => ends.push(resolve)));
  await observe();
  time.redis -= HOUR;
  await observe();
  expect(repaired).toHaveBeenCalledTimes(1);
  ends[0]!();
  await observe();
  await observe();
  expect(repaired).toHaveBeenCalledTimes(2);
});
