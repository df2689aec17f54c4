import { jest } from '@jest/globals';
import { MAX_RUNS, RunBudget, RunLimiter } from './run-budget.js';

afterEach(() => jest.restoreAllMocks());

describe('RunLimiter', () => {
  it('limits concurrent runs, and frees the slot of a failed run', async () => {
    const limiter = new RunLimiter();
    const ends: (() => void)[] = [];
    const running = Array.from({ length: MAX_RUNS }, () =>
      limiter.run(() => new Promise<void>((end) => ends.push(end))),
    );
    await expect(limiter.run(() => Promise.resolve())).rejects.toMatchObject({
      kind: 'too-many-runs',
      headers: { 'Retry-After': '5' },
    });
    for (const end of ends) end();
    await Promise.all(running);
    await expect(limiter.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    for (let i = 0; i < MAX_RUNS; i += 1) expect(await limiter.run(() => Promise.resolve(i))).toBe(i);
  });
});

describe('RunBudget', () => {
  it('stops a run after too many evaluations', () => {
    const budget = new RunBudget(2, 1000);
    budget.countEvaluation();
    budget.countEvaluation();
    expect(() => budget.countEvaluation()).toThrow(expect.objectContaining({ kind: 'too-much-work' }));
  });

  it('stops a run after too much CPU time, not counting waits', async () => {
    let now = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    const advance = (ms: number) => {
      now += ms;
    };
    const budget = new RunBudget(1000, 30);
    advance(10);
    await budget.wait(Promise.resolve().then(() => advance(60)));
    expect(budget.isDue()).toBe(false);
    advance(10);
    expect(budget.isDue()).toBe(true);
    await budget.yield();
    advance(10);
    await budget.yield();
    advance(1);
    await expect(budget.yield()).rejects.toMatchObject({ kind: 'too-much-work' });
  });
});
