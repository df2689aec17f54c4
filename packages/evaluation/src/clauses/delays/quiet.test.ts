import {
  commandsOf,
  every,
  lowered,
  obstaclesOf,
  problemsOf,
  traceOf,
} from '../../../test/rule-under-test.js';
import { explain } from '../../explanation/explain.js';

describe('quiet', () => {
  it.each<[problem: string, quiet: object]>([
    ['/quiet/from: must be a time such as "22:00"', { from: '25:00', to: '06:00' }],
    ['/quiet/from: must be a time such as "22:00"', { from: '24:00', to: '06:00' }],
    ['/quiet/to: must be a time such as "06:00"', { from: '22:00', to: '6:00' }],
    [
      '/quiet/timeZone: must be an IANA time zone such as "Europe/Berlin"',
      { from: '22:00', to: '06:00', timeZone: 'Mars' },
    ],
    [
      '/quiet/to: must differ from "from"; to switch the rule off, set "enabled" to false',
      { from: '06:00', to: '06:00' },
    ],
  ])('rejects with %s', (problem, quiet) => {
    expect(problemsOf({ quiet })).toEqual([problem]);
  });

  it('delays a raise until the quiet hours end', () => {
    const quiet = { from: '12:00', to: '12:01' };
    expect(commandsOf({ quiet }, every(20, [200, 200, 200]), { until: 100 })).toBe('+60first');
  });

  it('does not delay lowering', () => {
    const quiet = { from: '12:01', to: '12:02' };
    const lights = [200, 200, 200, 400, 200];
    expect(commandsOf({ quiet }, every(20, lights), { until: 125 })).toBe('+0first -60');
    expect(commandsOf({ quiet }, every(20, [...lights, 200]), { until: 125 })).toBe('+0first -60 +120');
  });

  it('is explained', () => {
    const quiet = { from: '13:00', to: '15:00', timeZone: 'Europe/Berlin' };
    expect(obstaclesOf({ quiet }, lowered)).toEqual([
      'it was in the quiet hours, 13:00 to 15:00 Europe/Berlin, which end at 2026-06-01T13:00:00.000Z',
    ]);
    expect(explain(traceOf({ quiet: { ...quiet, timeZone: 'UTC' } }, lowered))).toContain(
      'it was not in the quiet hours, 13:00 to 15:00 UTC',
    );
  });
});
