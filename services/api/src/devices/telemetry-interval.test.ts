import { telemetryIntervalBody } from './telemetry-interval.js';

describe('telemetryIntervalBody', () => {
  it.each<[desiredMs: number, measuredMs: number, pace: string]>([
    [10_000, 10_000, 'ok'],
    [10_000, 5000, 'ok'],
    [10_000, 20_000, 'ok'],
    [10_000, 4999.5, 'too_fast'],
    [10_000, 20_000.5, 'too_slow'],
  ])('rates a desired interval of %d ms, measured as %d ms, as %s', (desiredMs, measuredMs, pace) => {
    expect(telemetryIntervalBody({ desiredMs, measuredMs }, 0)).toEqual({
      desiredMs,
      measuredMs,
      pace,
      late: false,
    });
  });

  it('reports lateness after twice the desired interval, or the measured one if none is set', () => {
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
  ])('rates an adaptive interval of 1 to 60 s, measured as %d ms, as %s', (measuredMs, pace) => {
    expect(telemetryIntervalBody({ adaptive: ADAPTIVE, measuredMs }, 120_000)).toEqual({
      adaptive: { minMs: 1000, maxMs: 60_000, of: 'light', thresholds: [300, 330] },
      measuredMs,
      pace,
      late: false,
    });
    expect(telemetryIntervalBody({ adaptive: ADAPTIVE, measuredMs }, 120_001)?.late).toBe(true);
  });

  it('is undefined if none is set and none can be measured', () => {
    expect(telemetryIntervalBody({}, 5)).toBeUndefined();
  });
});
