import { jest } from '@jest/globals';
import { MAX_RUNS, RunBudget, RunLimiter } from './run-budget.js';

afterEach(() => jest.restoreAllMocks());

it('as many runs go on as may, and one that fails makes room as well', async () => {
  const runs = new RunLimiter();
  const ends: (() => void)[] = [];
  const going = Array.from({ length: MAX_RUNS }, () =>
    runs.run(() => new Promise<void>((end) => ends.push(end))),
  );
  await expect(runs.run(() => Promise.resolve())).rejects.toMatchObject({
    kind: 'too-many-runs',
    headers: { 'Retry-After': '5' },
  });
  for (const end of ends) end();
  await Promise.all(going);
  await expect(runs.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  for (let i = 0; i < MAX_RUNS; i += 1) expect(await runs.run(() => Promise.resolve(i))).toBe(i);
});

it('a run is given up when it has judged too much', () => {
  const work = new RunBudget(2, 1000);
  work.countEvaluation();
  work.countEvaluation();
  expect(() => work.countEvaluation()).toThrow(expect.objectContaining({ kind: 'too-much-work' }));
});

it('a run is given up when it has computed for too long, and waiting is not computing', async () => {
  let now = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  const passes = (ms: number) => {
    now += ms;
  };
  const work = new RunBudget(1000, 30);
  passes(10);
  await work.wait(Promise.resolve().then(() => passes(60)));
  expect(work.isDue()).toBe(false);
  passes(10);
  expect(work.isDue()).toBe(true);
  await work.yield();
  passes(10);
  await work.yield();
  passes(1);
  await expect(work.yield()).rejects.toMatchObject({ kind: 'too-much-work' });
});
