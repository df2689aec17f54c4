import { jest } from '@jest/globals';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import { createLogger } from '@lamplighter/service-kit/log/logger';
import { RulesMetrics } from '../metrics.js';
import type { RuleErrors } from './rule-errors.service.js';
import { RuleTime, SUSPENSION_MS } from './rule-time.service.js';

const rule = (id: string) => ({ id, version: 1 }) as CompiledRule;
const [heavy, light] = [rule('heavy'), rule('light')];

function underTest() {
  const reports: string[] = [];
  const errors = {
    report: (fleet: string, { id }: CompiledRule, device: string, message: string) =>
      reports.push(`${fleet}/${device} ${id}: ${message}`),
  } as unknown as RuleErrors;
  const time = new RuleTime(errors, new RulesMetrics('rules', 'test'), createLogger('rules', 'silent'));
  let now = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  /** Evaluations in a row, each with `ms` for the heavy rule, until that is suspended. */
  const evaluate = (fleet: string, count: number, ms: number) => {
    for (let n = 0; n < count && !time.isSuspended(heavy, Date.now()); n += 1) {
      const profile = time.begin(fleet);
      profile?.add(heavy, ms);
      profile?.add(light, 0.002);
      now += ms;
      time.end({ fleet, device: 'lamp' });
    }
  };
  return { time, reports, evaluate };
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('RuleTime', () => {
  it('suspends the expensive rules of a fleet that exceeds its share, and reports why', () => {
    const { time, reports, evaluate } = underTest();
    evaluate('demo', 300, 5);
    expect(time.isSuspended(heavy, Date.now())).toBe(true);
    expect(time.isSuspended(light, Date.now())).toBe(false);
    expect(reports).toEqual([
      "demo/lamp heavy: suspended for 5 minutes: an evaluation takes 5.0 ms, and the rules of the fleet together take more than 30 % of the service's time",
    ]);
    expect(time.isSuspended(heavy, Date.now() + SUSPENSION_MS)).toBe(false);
  });

  it('suspends rules so expensive that one reading exceeds the share', () => {
    const { time, reports, evaluate } = underTest();
    evaluate('demo', 6, 2000);
    expect([time.isSuspended(heavy, Date.now()), reports.length]).toEqual([true, 1]);
  });

  it('spares a fleet whose rules are cheap, however many readings it has', () => {
    const { time, reports, evaluate } = underTest();
    evaluate('demo', 200_000, 0.05);
    expect([time.isSuspended(heavy, Date.now()), reports]).toEqual([false, []]);
  });

  it('spares a fleet that is briefly slow', () => {
    const { reports, evaluate } = underTest();
    evaluate('demo', 40, 5);
    expect(reports).toEqual([]);
  });
});
