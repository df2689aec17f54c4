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

const ADAPTIVE = { min: 1000, max: 60_000, of: 'light', thresholds: [300, 330] };

it.each([
  [400, 'too_fast'],
  [500, 'ok'],
  [120_000, 'ok'],
  [121_000, 'too_slow'],
])('following the light from 1 to 60 s and measured every %d ms is %s', (measuredMs, pace) => {
  expect(telemetryIntervalBody({ adaptive: ADAPTIVE, measuredMs }, 120_000)).toEqual({
    adaptive: { minMs: 1000, maxMs: 60_000, of: 'light', thresholds: [300, 330] },
    measuredMs,
    pace,
    late: false,
  });
  expect(telemetryIntervalBody({ adaptive: ADAPTIVE, measuredMs }, 120_001)?.late).toBe(true);
});

it('nothing is shown where nothing is set and nothing can be measured', () => {
  expect(telemetryIntervalBody({}, 5)).toBeUndefined();
});
