import { SampleBudget } from './sample-budget.js';

describe('SampleBudget', () => {
  let now = 0;
  const takeFrom = (budget: SampleBudget, sender: string, times: number) =>
    Array.from({ length: times }, () => budget.take(sender)).filter(Boolean).length;

  it('limits the samples per sender and in total, per second', () => {
    const budget = new SampleBudget(5, 3, () => now);
    expect([
      takeFrom(budget, 'loud', 50),
      takeFrom(budget, 'other', 50),
      takeFrom(budget, 'third', 50),
    ]).toEqual([3, 2, 0]);
    now += 1000;
    expect(takeFrom(budget, 'loud', 50)).toBe(3);
  });

  it('does not charge rejected samples to the total', () => {
    const budget = new SampleBudget(5, 1, () => now);
    takeFrom(budget, 'loud', 50);
    expect(['a', 'b', 'c', 'd', 'e'].map((sender) => budget.take(sender))).toEqual([
      ...[true, true, true, true, false],
    ]);
  });
});
