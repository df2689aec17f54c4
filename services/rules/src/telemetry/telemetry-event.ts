import { STALE_MS } from '@lamplighter/contracts/telemetry/reading';
import type { LiveEvent } from '@lamplighter/store/events/events';
import type { EvaluatedPart } from '../evaluation/evaluate-part.js';

const STALE = { history: true, why: 'stale' } as const;

/** The live event of a part: its newest live reading. */
export function telemetryEvent({ address, live }: EvaluatedPart): LiveEvent {
  const { reading, ageMs } = live.at(-1)!;
  const measurements = Object.fromEntries(Object.entries(reading).filter(([name]) => !name.startsWith('_')));
  return {
    type: 'telemetry',
    fleet: address.fleet,
    device: address.device,
    measurements,
    ...(ageMs > STALE_MS && STALE),
  };
}
