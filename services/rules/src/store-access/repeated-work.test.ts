import { jest } from '@jest/globals';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import type { RulesErrors } from '../rules-errors.js';
import { RepeatedWork } from './repeated-work.js';

const UNAVAILABLE = new Error('Connection is closed.');

describe('RepeatedWork', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  function repeated(round: () => Promise<number>) {
    const warnings: unknown[] = [];
    const reports: unknown[] = [];
    const logger = { warn: (...line: unknown[]) => warnings.push(line) } as unknown as Logger;
    const unexpected = {
      report: (where: string, error: unknown) => reports.push([where, error]),
    } as unknown as RulesErrors;
    const counted = jest.fn(round);
    const work = new RepeatedWork(logger, unexpected, 'edge', 'waiting for Redis', counted);
    return { work, warnings, reports, counted };
  }

  it('runs the next round after the pause that the last one returned', async () => {
    const { work, counted } = repeated(() => Promise.resolve(1000));
    work.schedule(500);
    await jest.advanceTimersByTimeAsync(499);
    expect(counted).toHaveBeenCalledTimes(0);
    await jest.advanceTimersByTimeAsync(3001);
    expect(counted).toHaveBeenCalledTimes(4);
    await work.stop();
  });

  it('backs off while Redis is unavailable, warns once per outage, and recovers', async () => {
    let isUnavailable = true;
    const { work, warnings, reports, counted } = repeated(() =>
      isUnavailable ? Promise.reject(UNAVAILABLE) : Promise.resolve(1000),
    );
    work.schedule(0);
    await jest.advanceTimersByTimeAsync(60_000);
    const tries = counted.mock.calls.length;
    expect(tries).toBeGreaterThan(12);
    expect(tries).toBeLessThan(32);
    expect(warnings).toEqual([[{ reason: UNAVAILABLE.message }, 'waiting for Redis']]);
    isUnavailable = false;
    await jest.advanceTimersByTimeAsync(6000);
    isUnavailable = true;
    await jest.advanceTimersByTimeAsync(2000);
    expect(warnings).toHaveLength(2);
    expect(reports).toEqual([]);
    await work.stop();
  });

  it('reports any other error as unexpected and continues', async () => {
    const bug = new TypeError('x is undefined');
    let rounds = 0;
    const { work, warnings, reports, counted } = repeated(() => {
      rounds += 1;
      return rounds === 1 ? Promise.reject(bug) : Promise.resolve(1000);
    });
    work.schedule(0);
    await jest.advanceTimersByTimeAsync(3000);
    expect([reports, warnings]).toEqual([[['edge', bug]], []]);
    expect(counted.mock.calls.length).toBeGreaterThan(1);
    await work.stop();
  });

  it('waits for the current round when it stops, up to a limit, and starts no other', async () => {
    let finish = (_: number): void => undefined;
    const { work, counted } = repeated(() => new Promise((resolve) => (finish = resolve)));
    work.schedule(0);
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
    hung.work.schedule(0);
    await jest.advanceTimersByTimeAsync(0);
    const given = hung.work.stop();
    await jest.advanceTimersByTimeAsync(2000);
    await given;
  });
});
