import type { Faults } from './field.js';

/** A kind of day. */
export interface Scenario {
  readonly name: string;
  readonly faults: Faults;
}

export const SCENARIOS: readonly Scenario[] = [
  { name: 'clear day', faults: {} },
  { name: 'birds', faults: { birds: true } },
  { name: 'flock', faults: { flock: true } },
  { name: 'clouds', faults: { clouds: true } },
  { name: 'stuck 20 %', faults: { stuck: 0.2 } },
  { name: 'drifting 30 %', faults: { drifting: 0.3 } },
  { name: 'dead 30 %', faults: { dead: 0.3 } },
  { name: 'dead 70 %', faults: { dead: 0.7 } },
  { name: 'everything', faults: { birds: true, clouds: true, stuck: 0.1, drifting: 0.1, dead: 0.1 } },
];

/** Sensors per field. */
export const SIZES: readonly number[] = [5, 15, 50, 150, 500];
/** Seeds per scenario and size. */
export const SEEDS = 20;
