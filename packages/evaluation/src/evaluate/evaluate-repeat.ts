import type { Action } from '@lamplighter/contracts/commands/command';
import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import { left, type RuleState } from '../rule/rule-state.js';
import type { DeviceFacts, Inquiry, Observation } from './evaluate-input.js';

/** The spacing of re-assertions doubles up to this, milliseconds. */
export const MAX_REASSERT_MS = 3_600_000;

/** What a device reports of what it was commanded. */
export type Report = 'agrees' | 'differs' | 'nothing';

/** What is known when an action may be commanded again. */
type Occasion = Pick<Inquiry, 'rule' | 'now' | 'trace'> & {
  readonly observation: Pick<Observation, 'reading' | 'ageMs'>;
  readonly device: Pick<DeviceFacts, 'answers' | 'startedAt'>;
};

/**
 * Whether the present action of a rule is commanded again, and the state after that; the same state if nothing changes.
 * Of a quorum each target repeats the action of its group, see quorum-target.ts.
 */
export function reassert(inquiry: Inquiry, state: RuleState): RuleState {
  const { rule } = inquiry;
  const action = state.raised ? rule.whenTrue : rule.whenFalse;
  if (action === undefined || rule.quorum !== undefined) return state;
  return commandedAgain(inquiry, action, state, state.raised);
}

/**
 * The state after a reading of a device that was commanded an action; `emittedAt` is now if the action is commanded again, and the
 * state is the same if nothing changes.
 *
 * - A device that reports another value than it was commanded is commanded again, first after `reassert`, then after twice that, and
 *   so on up to an hour: a person may hold the switch, or the lamp may be broken. Once it has agreed for as long as the present
 *   spacing, this starts again.
 * - A device that has restarted since, by its births, may have forgotten the action. It is commanded again with its next reading,
 *   unless that reports the action; a device that restarts often at most every `reassert`.
 * - A device that neither answers nor reports may have restarted unnoticed; it is commanded again every `reassert`.
 * - What was raised is not repeated in quiet hours, and nothing is with `reassert: "never"`.
 * @param isQuieted nothing is repeated in quiet hours
 * @param leastMs shortest spacing, milliseconds
 */
export function commandedAgain(
  { rule, observation, device, now, trace }: Occasion,
  action: Action,
  state: RuleState,
  isQuieted: boolean,
  leastMs = 0,
): RuleState {
  const { reading, ageMs } = observation;
  const { emittedAt, repeats = 0 } = state;
  if (emittedAt === undefined) return state;
  const report = reported(action, reading);
  const restarted = hasRestarted(device, state);
  const differs = Math.max(spaced(rule.reassertMs, repeats), leastMs);
  if (report === 'agrees') {
    // Not at once: where two contradict each other the device agrees with the one that spoke last, and neither would ever stop.
    const isLasting = repeats > 0 && left(emittedAt, differs, now) === 0;
    if (!isLasting && !restarted) return state;
    return {
      ...state,
      ...(isLasting && { repeats: undefined }),
      ...(restarted && { told: device.startedAt }),
    };
  }
  if (rule.reassertMs === Number.POSITIVE_INFINITY) return state;
  if (report === 'nothing' && device.answers && !restarted) return state;
  const spacing = restarted
    ? repeats === 0
      ? leastMs
      : rule.reassertMs
    : report === 'differs'
      ? differs
      : rule.reassertMs;
  const isQuiet = isQuieted && rule.quiet?.endOf(now) !== undefined;
  // A reading that was taken before the command is not held against the device.
  const isDue = left(emittedAt, spacing + ageMs, now) === 0 && !isQuiet;
  trace?.push({
    clause: 'reassert',
    passes: isDue,
    reason: isQuiet ? 'quiet' : restarted ? 'restarted' : report,
    amount: now - emittedAt,
    limit: spacing,
    values: reportedValues(action, reading),
  });
  if (!isDue) return state;
  const again = restarted ? 1 : report === 'differs' ? repeats + 1 : state.repeats;
  return { ...state, emittedAt: now, repeats: again, told: device.startedAt };
}

/** Whether the device has restarted since it was last commanded, or found to agree. */
export function hasRestarted(
  { startedAt }: Pick<DeviceFacts, 'startedAt'>,
  { emittedAt, told = emittedAt }: Pick<RuleState, 'emittedAt' | 'told'>,
): boolean {
  return startedAt !== undefined && told !== undefined && startedAt > told;
}

/** How long after the last time a device that reports otherwise is told again, milliseconds. */
function spaced(reassertMs: number, repeats: number): number {
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
