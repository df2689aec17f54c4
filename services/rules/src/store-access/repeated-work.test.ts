import { jest } from '@jest/globals';
import type { Logger } from '@lamplighter/service-kit/logger';
import { RepeatedWork } from './repeated-work.js';

describe('work that is repeated', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  function repeated(round: () => Promise<number>) {
    const said: unknown[] = [];
    const logger = { warn: (...what: unknown[]) => said.push(what) } as unknown as Logger;
    const counted = jest.fn(round);
    return { work: new RepeatedWork(logger, 'it waits', counted), said, counted };
  }

  it('is done again after the time that it asks for', async () => {
    const { work, counted } = repeated(() => Promise.resolve(1000));
    work.begin(500);
    await jest.advanceTimersByTimeAsync(499);
    expect(counted).toHaveBeenCalledTimes(0);
    await jest.advanceTimersByTimeAsync(3001);
    expect(counted).toHaveBeenCalledTimes(4);
    await work.stop();
  });

  it('is done ever more seldom while it fails, says so once, and recovers', async () => {
    let isAway = true;
    const { work, said, counted } = repeated(() =>
      isAway ? Promise.reject(new Error('away')) : Promise.resolve(1000),
    );
    work.begin(0);
    await jest.advanceTimersByTimeAsync(60_000);
    const tries = counted.mock.calls.length;
    expect(tries).toBeGreaterThan(12);
    expect(tries).toBeLessThan(32);
    expect(said).toEqual([[{ reason: 'away' }, 'it waits']]);
    isAway = false;
    await jest.advanceTimersByTimeAsync(6000);
    isAway = true;
    await jest.advanceTimersByTimeAsync(2000);
    expect(said).toHaveLength(2);
    await work.stop();
  });

  it('is not begun again once it is stopped, and is waited for, if not for ever', async () => {
    let finish = (_: number): void => undefined;
    const { work, counted } = repeated(() => new Promise((resolve) => (finish = resolve)));
    work.begin(0);
    await jest.advanceTimersByTimeAsync(0);
    const ended: string[] = [];
    const stopping = work
      .stop(() => Promise.resolve(void ended.push('released')))
      .then(() => ended.push('stopped'));
    await jest.advanceTimersByTimeAsync(1000);
    expect([work.isStopped, ended]).toEqual([true, []]);
    finish(0);
    await stopping;
    expect(ended).toEqual(['released', 'stopped']);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(counted).toHaveBeenCalledTimes(1);

    const hung = repeated(() => new Promise(() => undefined));
    hung.work.begin(0);
    await jest.advanceTimersByTimeAsync(0);
    const given = hung.work.stop();
    await jest.advanceTimersByTimeAsync(2000);
    await given;
  });
});
