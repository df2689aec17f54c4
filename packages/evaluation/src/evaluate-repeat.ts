import type { Action } from '@lamplighter/contracts/command';
import type { Measurement } from '@lamplighter/contracts/reading';
import type { Inquiry, Observation } from './evaluate-input.js';
import { left, type RuleState } from './rule-state.js';

/** The spacing of re-assertions doubles up to this, milliseconds. */
export const MAX_REASSERT_MS = 3_600_000;

/** What a device reports of what it was commanded. */
export type Report = 'agrees' | 'differs' | 'nothing';

/**
 * Whether the present action is commanded once more, and the state after that; the same state if there is nothing to say.
 *
 * - A device that reports another value than it was commanded is told again, first after `reassert`, then after twice that, and so
 *   on up to an hour: somebody may hold the switch, or the lamp may be broken, and neither should be shouted at. Once it has agreed
 *   for as long as the present spacing, this begins again.
 * - A device that neither answers nor reports may have restarted unnoticed; it is told again each time.
 * - What was raised is not repeated in quiet hours.
 */
export function reassert({ rule, observation, device, now, trace }: Inquiry, state: RuleState): RuleState {
  const { reading } = observation;
  const action = state.raised ? rule.whenTrue : rule.whenFalse;
  const { emittedAt, repeats = 0 } = state;
  if (action === undefined || emittedAt === undefined || rule.quorum !== undefined) return state;
  const report = reported(action, reading);
  if (report === 'agrees') {
    // Not at once: where two contradict each other the device agrees with whoever spoke last, and neither would ever tire.
    const isLasting = repeats > 0 && left(emittedAt, spaced(rule.reassertMs, repeats), now) === 0;
    return isLasting ? { ...state, repeats: undefined } : state;
  }
  if (report === 'nothing' && device.answers) return state;
  const spacing = report === 'differs' ? spaced(rule.reassertMs, repeats) : rule.reassertMs;
  if (spacing === Number.POSITIVE_INFINITY) return state;
  const isQuiet = state.raised && rule.quiet?.endOf(now) !== undefined;
  const isDue = left(emittedAt, spacing, now) === 0 && !isQuiet;
  trace?.push({
    clause: 'reassert',
    passes: isDue,
    reason: isQuiet ? 'quiet' : report,
    amount: now - emittedAt,
    limit: spacing,
    values: reportedValues(action, reading),
  });
  if (!isDue) return state;
  return { ...state, emittedAt: now, repeats: report === 'differs' ? repeats + 1 : state.repeats };
}

/** How long after the last time a device that reports otherwise is told again, milliseconds. */
export function spaced(reassertMs: number, repeats: number): number {
  return Math.min(reassertMs * 2 ** repeats, Math.max(reassertMs, MAX_REASSERT_MS));
}

/** Whether a reading agrees with an action, as far as it speaks of its keys. */
export function reported(action: Action, reading: Observation['reading']): Report {
  let report: Report = 'nothing';
  for (const key in action) {
    const value = Object.hasOwn(reading, key) ? reading[key] : undefined;
    if (value === undefined || value === null) continue;
    if (!isSame(value, action[key])) return 'differs';
    report = 'agrees';
  }
  return report;
}

/** What a reading says of the keys of an action. */
export function reportedValues(
  action: Action,
  reading: Observation['reading'],
): Readonly<Record<string, Measurement>> {
  return Object.fromEntries(
    Object.keys(action).flatMap((key) => {
      const value = Object.hasOwn(reading, key) ? reading[key] : undefined;
      return value === undefined ? [] : [[key, value] as const];
    }),
  );
}

/** Whether two JSON values are the same, whatever the order of their keys. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every(
      (key) =>
        Object.hasOwn(b, key) &&
        isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
    )
  );
}
