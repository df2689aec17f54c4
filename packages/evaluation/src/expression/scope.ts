import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import type { WindowView } from '../window/functions.js';

type Measurements = Readonly<Record<string, Measurement | undefined>>;

/** A measurement of a reading; undefined if there is none. The name may be one that every object has, such as `constructor`. */
export function measured(reading: Measurements | undefined, name: string): Measurement | undefined {
  return reading !== undefined && Object.hasOwn(reading, name) ? reading[name] : undefined;
}

/** What an expression is evaluated on. */
export interface Scope {
  readonly reading: Measurements;
  /** The previous reading. */
  readonly last?: Measurements | undefined;
  readonly device?: { readonly fleet: string; readonly device: string } | undefined;
  readonly window?: WindowView | undefined;
  /** Of a measuring quorum: the median or mean. */
  readonly value?: number | undefined;
}

/** What an expression can use in addition to the measurements of its reading. */
export type ScopeVariable = 'last' | 'window' | 'device' | 'value';
