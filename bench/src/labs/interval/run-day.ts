import { type AdaptiveInterval, longestIntervalMs } from '@lamplighter/contracts/settings/telemetry-interval';
import { DEFAULT_RADIO_GAP_MS } from '@lamplighter/device/connection/traffic';
import {
  adaptiveIntervalMs,
  type Movement,
  observeMovement,
} from '@lamplighter/device/telemetry/adaptive-interval';
import { chance } from '@lamplighter/device-sim/signals/random';

/** The limits of the night-light rule: dark below the first, light above the second. */
export const [DARK_BELOW, LIGHT_ABOVE] = [300, 330];
const DAY_MS = 86_400_000;
/**
 * Relative error of device timers, in both directions. Without it, a fixed interval would always sample the simulated birds, which come in
 * spans of ten seconds, at the same point of a span.
 */
const JITTER = 0.05;
/** Resolution of the true time of a change. */
const GRID_MS = 250;

/** A true change between dark and light, and when it ends. */
export interface Change {
  readonly at: number;
  readonly until: number;
  readonly dark: boolean;
}

/** The result of one policy on one day. */
export interface DayOutcome {
  readonly readings: number;
  /** Readings after a pause of more than a second; with shorter pauses the radio never sleeps. */
  readonly wakeUps: number;
  /** From each detected change to the reading that showed it, milliseconds. */
  readonly delaysMs: readonly number[];
  /** Changes that ended before a reading showed them. */
  readonly missed: number;
}

export type IntervalPolicy = number | AdaptiveInterval;

/** The true changes of a day. */
export function changesOf(light: (ms: number) => number): Change[] {
  const starts: { at: number; dark: boolean }[] = [];
  let dark = light(0) < DARK_BELOW;
  for (let at = GRID_MS; at < DAY_MS; at += GRID_MS) {
    const next = isDark(light(at), dark);
    if (next !== dark) starts.push({ at, dark: next });
    dark = next;
  }
  return starts.map((start, i) => ({ ...start, until: starts[i + 1]?.at ?? DAY_MS }));
}

/**
 * Simulates a device for a day.
 * @param seed for the jitter of its timer and the time of its first reading
 */
export function runDay(
  light: (ms: number) => number,
  changes: readonly Change[],
  policy: IntervalPolicy,
  seed: number,
): DayOutcome {
  const detected: { at: number; dark: boolean }[] = [];
  let dark = light(0) < DARK_BELOW;
  let movement: Movement | undefined;
  let readings = 0;
  let wakeUps = 1;
  for (let at = chance(seed) * longestIntervalMs(policy); at < DAY_MS; ) {
    const value = light(at);
    readings += 1;
    const next = isDark(value, dark);
    if (next !== dark) detected.push({ at, dark: next });
    dark = next;
    let pauseMs: number;
    if (typeof policy === 'number') {
      pauseMs = policy;
    } else {
      movement = observeMovement(movement, value, at);
      pauseMs = adaptiveIntervalMs(policy, movement);
    }
    if (pauseMs > DEFAULT_RADIO_GAP_MS) wakeUps += 1;
    at += pauseMs * (1 + JITTER * (2 * chance(seed, readings) - 1));
  }
  const delaysMs: number[] = [];
  let from = 0;
  for (const change of changes) {
    while (from < detected.length && detected[from]!.at < change.at - GRID_MS) from += 1;
    const found = detected[from];
    if (found !== undefined && found.dark === change.dark && found.at < change.until)
      delaysMs.push(Math.max(0, found.at - change.at));
  }
  return { readings, wakeUps, delaysMs, missed: changes.length - delaysMs.length };
}

function isDark(value: number, before: boolean): boolean {
  return before ? value <= LIGHT_ABOVE : value < DARK_BELOW;
}
