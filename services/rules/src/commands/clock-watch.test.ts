import { jest } from '@jest/globals';
import { ClockWatch } from './clock-watch.js';

const START = 1_800_000_000_000;
const HOUR = 3_600_000;

/** A clock of Redis that can be set, and a watch that looks at it. */
function watched(mend: () => Promise<void> = async () => undefined) {
  const mended = jest.fn((_wasSeen: boolean) => mend());
  const setBack = jest.fn();
  const watch = new ClockWatch(mended, setBack, () => undefined);
  const time = { here: 0, redis: START };
  /** Time passes, and the watch looks: the question and the answer may be slow. */
  const look = async ({ passed = 500, there = 0, back = 0 } = {}) => {
    const askedAt = time.here + passed;
    time.redis += passed + there;
    time.here = askedAt + there + back;
    watch.observe(time.redis, askedAt, time.here);
    time.redis += back;
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { mended, setBack, time, look };
}

it('mends once at the start, whatever was before', async () => {
  const { mended, setBack, look } = watched();
  for (let i = 0; i < 5; i += 1) await look();
  expect([mended.mock.calls.length, setBack.mock.calls.length]).toEqual([1, 0]);
});

it('mends when the clock is set back, and tells by how much', async () => {
  const { mended, setBack, time, look } = watched();
  await look();
  time.redis -= HOUR;
  await look();
  await look();
  expect(mended.mock.calls).toEqual([[false], [true]]);
  expect(setBack.mock.calls).toEqual([[HOUR]]);
});

it.each([
  ['a leap second', { redis: -1000 }, {}],
  ['a step forward', { redis: HOUR }, {}],
  ['a Redis that is slow to hear', {}, { there: 60_000 }],
  ['a process that is slow to read the answer', {}, { back: 60_000 }],
  ['a process that was frozen', {}, { passed: HOUR }],
])('does nothing about %s', async (_what, { redis = 0 }: { redis?: number }, delay) => {
  const { mended, time, look } = watched();
  await look();
  time.redis += redis;
  await look(delay);
  await look();
  expect(mended).toHaveBeenCalledTimes(1);
});

it('tries again at the next look if it could not be mended', async () => {
  let failures = 2;
  const { mended, look } = watched(async () => {
    if (failures-- > 0) throw new Error('Redis is away');
  });
  for (let i = 0; i < 6; i += 1) await look();
  expect(mended).toHaveBeenCalledTimes(3);
});

it('mends again after a step that came while it was mending, and not twice at a time', async () => {
  const ends: (() => void)[] = [];
  const { mended, time, look } = watched(() => new Promise((resolve) => ends.push(resolve)));
  await look();
  time.redis -= HOUR;
  await look();
  expect(mended).toHaveBeenCalledTimes(1);
  ends[0]!();
  await look();
  await look();
  expect(mended).toHaveBeenCalledTimes(2);
});
