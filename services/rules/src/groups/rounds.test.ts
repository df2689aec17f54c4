import { jest } from '@jest/globals';
import { type MarkedGroup, Rounds } from './rounds.js';

function startRounds(decide: (groups: readonly MarkedGroup[]) => Promise<void> = () => Promise.resolve()) {
  const calls: string[][] = [];
  const failures: number[] = [];
  const rounds = new Rounds({
    decide: (groups) => {
      calls.push(groups.map(({ rule, trigger }) => `${rule} ${trigger}`));
      return decide(groups);
    },
    failed: (_error, count) => failures.push(count),
  });
  return { rounds, calls, failures };
}

describe('Rounds', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('decides the first marked group immediately, and others at most every 100 ms', async () => {
    const { rounds, calls } = startRounds();
    rounds.mark('demo', 'a', 'reading');
    await jest.advanceTimersByTimeAsync(0);
    expect(calls).toEqual([['a reading']]);
    for (const rule of ['a', 'b', 'a']) rounds.mark('demo', rule, 'reading');
    await jest.advanceTimersByTimeAsync(99);
    expect(calls).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(1);
    expect(calls.slice(1)).toEqual([['a reading', 'b reading']]);
  });

  it('prefers the timer as trigger, because only its evaluation sets the next timer', async () => {
    const { rounds, calls } = startRounds();
    rounds.mark('demo', 'a', 'timer');
    rounds.mark('demo', 'a', 'reading');
    rounds.mark('demo', 'b', 'reading');
    rounds.mark('demo', 'b', 'timer');
    await jest.advanceTimersByTimeAsync(0);
    expect(calls).toEqual([['a timer', 'b timer']]);
  });

  it('pauses for three times the duration of a long round', async () => {
    const { rounds, calls } = startRounds(() => new Promise((resolve) => setTimeout(resolve, 200)));
    rounds.mark('demo', 'a', 'reading');
    await jest.advanceTimersByTimeAsync(100);
    rounds.mark('demo', 'b', 'reading');
    await jest.advanceTimersByTimeAsync(699);
    expect(calls).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(1);
    expect(calls.slice(1)).toEqual([['b reading']]);
  });

  it('decides many groups in several calls', async () => {
    const { rounds, calls } = startRounds();
    for (let i = 0; i < 45; i += 1) rounds.mark('demo', `r${i}`, 'reading');
    await jest.advanceTimersByTimeAsync(0);
    expect(calls.map(({ length }) => length)).toEqual([20, 20, 5]);
  });

  it('repeats the rest of a failed round after a growing pause', async () => {
    let isAvailable = false;
    const { rounds, calls, failures } = startRounds(() =>
      isAvailable ? Promise.resolve() : Promise.reject(new Error('Redis is unavailable')),
    );
    rounds.mark('demo', 'a', 'timer');
    await jest.advanceTimersByTimeAsync(60_000);
    expect(failures.slice(0, 3)).toEqual([1, 2, 3]);
    expect(failures.length).toBeLessThan(30);
    isAvailable = true;
    await jest.advanceTimersByTimeAsync(6000);
    expect(calls.at(-1)).toEqual(['a timer']);
    const decided = calls.length;
    await jest.advanceTimersByTimeAsync(60_000);
    expect(calls).toHaveLength(decided);
  });

  it('starts no round after it has stopped, and waits for the current one', async () => {
    let finish = () => {};
    const { rounds, calls } = startRounds(() => new Promise((resolve) => (finish = resolve)));
    rounds.mark('demo', 'a', 'reading');
    await jest.advanceTimersByTimeAsync(0);
    let isStopped = false;
    const stopping = rounds.stop().then(() => {
      isStopped = true;
    });
    rounds.mark('demo', 'b', 'reading');
    await jest.advanceTimersByTimeAsync(1000);
    expect(isStopped).toBe(false);
    finish();
    await stopping;
    await jest.advanceTimersByTimeAsync(1000);
    expect(calls).toEqual([['a reading']]);
  });
});
