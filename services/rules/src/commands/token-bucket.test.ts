import { TokenBucket } from './token-bucket.js';

let now = 0;
const bucket = () => new TokenBucket(1000, 200, () => now);
beforeEach(() => {
  now = 5000;
});

it('allows the burst immediately, then the rate', () => {
  const rate = bucket();
  expect(rate.available).toBe(200);
  rate.take(200);
  expect([rate.available, rate.msUntil(1), rate.msUntil(50)]).toEqual([0, 1, 50]);
  now += 50;
  expect([rate.available, rate.msUntil(50)]).toEqual([50, 0]);
});

it('accumulates at most the burst', () => {
  const rate = bucket();
  now += 3_600_000;
  expect(rate.available).toBe(200);
});

it('allows nothing while it is overdrawn', () => {
  const rate = bucket();
  rate.take(300);
  expect([rate.available, rate.msUntil(1)]).toEqual([0, 101]);
  now += 101;
  expect(rate.available).toBe(1);
});

it('allows at most rate and burst in any second', () => {
  const rate = bucket();
  let taken = 0;
  for (let tick = 0; tick < 4000; tick += 1) {
    now += 0.25;
    const some = Math.min(rate.available, 7);
    rate.take(some);
    taken += some;
  }
  expect(taken).toBeLessThanOrEqual(1200);
  expect(taken).toBeGreaterThan(1190);
});
