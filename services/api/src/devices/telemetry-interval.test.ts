import { telemetryIntervalBody } from './telemetry-interval.js';

it.each<[desiredMs: number, measuredMs: number, pace: string]>([
  [10_000, 10_000, 'ok'],
  [10_000, 5000, 'ok'],
  [10_000, 20_000, 'ok'],
  [10_000, 4999.5, 'too_fast'],
  [10_000, 20_000.5, 'too_slow'],
])('desired every %d ms and measured every %d ms is %s', (desiredMs, measuredMs, pace) => {
  expect(telemetryIntervalBody({ desiredMs, measuredMs }, 0)).toEqual({
    desiredMs,
    measuredMs,
    pace,
    late: false,
  });
});

it('a device is late after twice the desired interval, or the measured one if none is desired', () => {
  const late = (interval: object, ageMs?: number) => telemetryIntervalBody(interval, ageMs)?.late;
  expect(late({ desiredMs: 1000, measuredMs: 9000 }, 2000)).toBe(false);
  expect(late({ desiredMs: 1000, measuredMs: 9000 }, 2001)).toBe(true);
  expect(late({ measuredMs: 9000 }, 18_000)).toBe(false);
  expect(late({ measuredMs: 9000 }, 18_001)).toBe(true);
  expect(late({ desiredMs: 1000 })).toBe(false);
});

it('nothing is shown where nothing is set and nothing can be measured', () => {
  expect(telemetryIntervalBody({}, 5)).toBeUndefined();
});
