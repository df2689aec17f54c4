import { Problem } from '../problems/problem.js';
import { KeyLimits, MAX_OPEN } from './key-limits.js';

function underTest(rate = 100) {
  let now = 1000;
  const reasons: string[] = [];
  const limited = { inc: ({ reason }: { reason: string }) => reasons.push(reason) };
  const limits = new KeyLimits({ API_KEY_RATE: rate }, { limited } as never, () => now);
  const wait = (ms: number) => {
    now += ms;
  };
  /** How many requests in a row are admitted and ended. */
  const run = (id: string, count: number) => {
    for (let n = 0; n < count; n += 1) {
      try {
        limits.admit(id, 'request')();
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        return n;
      }
    }
    return count;
  };
  return { limits, reasons, wait, run };
}

describe('KeyLimits', () => {
  it('admits a burst, then the rate, and reports when to try again', () => {
    const { limits, reasons, wait, run } = underTest();
    expect(run('a', 1000)).toBe(201);
    expect(() => limits.admit('a', 'request')).toThrow(
      expect.objectContaining({ kind: 'too-many-requests', headers: { 'Retry-After': '1' } }),
    );
    expect(reasons).toEqual(['rate', 'rate']);
    wait(100);
    expect(run('a', 1000)).toBe(10);
    wait(60_000);
    expect(run('a', 1000)).toBe(201);
  });

  it('limits each key separately', () => {
    const { run } = underTest();
    run('a', 1000);
    expect(run('b', 100)).toBe(100);
  });

  it('limits what a key has open, by kind', () => {
    const { limits, reasons } = underTest(100_000);
    const ends = Array.from({ length: MAX_OPEN.stream }, () => limits.admit('a', 'stream'));
    expect(() => limits.admit('a', 'stream')).toThrow('100 event streams');
    limits.admit('a', 'request');
    limits.admit('b', 'stream');
    ends[0]!();
    limits.admit('a', 'stream');
    expect(reasons).toEqual(['stream']);
  });

  it('forgets idle keys, and only these', () => {
    const { limits } = underTest();
    for (let n = 0; n < MAX_OPEN.stream; n += 1) limits.admit('a', 'stream');
    for (let n = 0; n < 2500; n += 1) limits.admit(`key-${n}`, 'request')();
    expect(() => limits.admit('a', 'stream')).toThrow('100 event streams');
  });
});
