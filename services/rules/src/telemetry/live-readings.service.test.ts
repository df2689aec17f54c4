import { STALE_MS } from '@lamplighter/contracts/telemetry/reading';
import type { EvaluatedPart } from '../evaluation/evaluate-part.js';
import { telemetryEvent } from './live-readings.service.js';

const part = (...ages: number[]) =>
  ({
    address: { fleet: 'demo', device: 'lamp' },
    live: ages.map((ageMs, light) => ({ reading: { light, _seq: 7, _at: 1 }, ageMs })),
  }) as unknown as EvaluatedPart;

describe('telemetryEvent', () => {
  it('has the measurements of the newest live reading, without protocol fields', () => {
    expect(telemetryEvent(part(0, 0))).toEqual({
      type: 'telemetry',
      fleet: 'demo',
      device: 'lamp',
      measurements: { light: 1 },
    });
  });

  it('marks a stale reading as history', () => {
    expect(telemetryEvent(part(STALE_MS))).not.toHaveProperty('history');
    expect(telemetryEvent(part(STALE_MS + 1))).toMatchObject({ history: true, why: 'stale' });
  });
});
