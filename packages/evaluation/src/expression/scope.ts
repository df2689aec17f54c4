import type { Measurement } from '@lamplighter/contracts/telemetry/reading';

type Measurements = Readonly<Record<string, Measurement | undefined>>;

/** What was measured under a name, which may also be `constructor` or `toString`; undefined if nothing was. */
export function measured(reading: Measurements | undefined, name: string): Measurement | undefined {
  return reading !== undefined && Object.hasOwn(reading, name) ? reading[name] : undefined;
}

/** What an expression is evaluated on. */
export interface Scope {
  readonly reading: Measurements;
  /** The reading before it. */
  readonly last?: Measurements | undefined;
  readonly device?: { readonly fleet: string; readonly device: string } | undefined;
  readonly window?: WindowView | undefined;
  /** What a quorum measured together. */
  readonly value?: number | undefined;
}

/** What an expression may speak of besides the measurements of its reading. */
export type ScopeVariable = 'last' | 'window' | 'device' | 'value';

/** Functions of `window`: what of a measurement, over which time. */
export const WINDOW_FUNCTIONS = [
  'avg',
  'min',
  'max',
  'sum',
  'count',
  'stddev',
  'delta',
  'rate',
  'zscore',
] as const;
export type WindowFunction = (typeof WINDOW_FUNCTIONS)[number];

/**
 * A measurement over the last `ms` milliseconds of event time, the current reading included. Undefined where there are too few
 * readings to say. `rate` is per second.
 */
export type WindowView = {
  readonly [fn in WindowFunction]: (measurement: string, ms: number) => number | undefined;
};

/** One use of a window in an expression: `window.avg("light", "10m")`. */
export interface WindowUse {
  readonly fn: WindowFunction;
  readonly measurement: string;
  readonly ms: number;
}
