import type { Action } from '@lamplighter/contracts/commands/command';
import { durationSchema } from '@lamplighter/contracts/duration';
import { RULE_BOUNDS } from '@lamplighter/contracts/rules/rule-bounds';
import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import { z } from 'zod';
import type { DeviceFacts, EvaluationContext, Observation } from '../../context/evaluation-context.js';
import { type RuleState, remainingMs } from '../../context/rule-state.js';
import type { TraceStep } from '../../context/trace.js';
import { milliseconds } from '../definition/clause.js';
import { duration, listed, type Mood } from '../definition/sentences.js';
import type { CompiledQuiet } from '../delays/quiet.js';

export interface CompiledReassert {
  /** Infinity if never. */
  readonly reassertMs: number;
}

/** The spacing of re-assertions doubles up to this, milliseconds. */
export const MAX_REASSERT_MS = 3_600_000;

const MESSAGE = 'must be "never", or a duration such as "1m", from 1s to 7d';
const reassertTime = durationSchema(1000, RULE_BOUNDS.maxDurationMs);

/** Sends the command of an unchanged verdict again. */
export const reassert = {
  fields: {
    reassert: z
      .string({ error: MESSAGE })
      .refine((text) => text === 'never' || reassertTime.safeParse(text).success, MESSAGE)
      .meta({
        pattern: '^(never|[0-9]{1,9}(ms|s|m|h|d))$',
        description:
          'How long to wait before the command is repeated to a device that reports a different value or never acknowledges; "never" disables it.',
      })
      .default('1m'),
  },
  examples: { reassert: 'never' },
  compile: (rule: { readonly reassert: string }): CompiledReassert => ({
    reassertMs: rule.reassert === 'never' ? Number.POSITIVE_INFINITY : milliseconds(rule.reassert),
  }),
  sentences: {
    reassert({ passes, reason, amount = 0, limit = 0, values = {} }: TraceStep, mood: Mood): string {
      const reported = listed(values);
      const report = reported === '' ? 'reported none of the commanded values' : `reported that ${reported}`;
      if (reason === 'restarted')
        return passes
          ? `the device had restarted since the last command, ${duration(amount)} ago, and ${report}`
          : `the device had restarted since the last command and ${report}; the last command was sent ${duration(amount)} ago and is repeated after ${duration(limit)}`;
      if (reason === 'quiet') return `the command ${mood} not repeated because of quiet hours`;
      const cause = reason === 'nothing' ? 'the device does not acknowledge' : `the device ${report}`;
      return passes
        ? `${cause}, and the last command was sent ${duration(amount)} ago, more than ${duration(limit)}`
        : `${cause}; the last command was sent ${duration(amount)} ago and is repeated after ${duration(limit)}`;
    },
  },
};

/** How a reading compares with the action of the last command. */
export type Report = 'agrees' | 'differs' | 'nothing';

/** The input of a re-assertion. */
type Occasion = Pick<EvaluationContext<CompiledReassert & CompiledQuiet>, 'rule' | 'now' | 'trace'> & {
  readonly observation: Pick<Observation, 'reading' | 'ageMs'>;
  readonly device: Pick<DeviceFacts, 'acknowledges' | 'startedAt'>;
};

/**
 * The state after a reading of a device that was sent an action: `emittedAt` is now if the action is sent again, and the state is the same
 * object if nothing changes.
 *
 * - A device that reports a different value gets the command again after `reassert`, then after twice that, and so on up to an hour: a person
 *   may hold the switch, or the lamp may be broken. Once it has agreed for the current spacing, the spacing starts again.
 * - A device that has restarted since, according to its births, may have lost the action. It gets the command again at its next
 *   reading, unless that reports the action; a device that restarts often gets it at most every `reassert`.
 * - A device that neither acknowledges nor reports may have restarted unnoticed; it gets the command again every `reassert`.
 * - Raised verdicts are not repeated during quiet hours. With `reassert: "never"`, nothing is repeated.
 * @param isQuieted whether quiet hours apply
 * @param minMs minimum spacing, milliseconds
 */
export function stateAfterReassert(
  { rule, observation, device, now, trace }: Occasion,
  action: Action,
  state: RuleState,
  isQuieted: boolean,
  minMs = 0,
): RuleState {
  const { reading, ageMs } = observation;
  const { emittedAt, repeats = 0 } = state;
  if (emittedAt === undefined) return state;
  const report = compareReport(action, reading);
  const restarted = hasRestarted(device, state);
  const differs = Math.max(spaced(rule.reassertMs, repeats), minMs);
  if (report === 'agrees') {
    // Reset only after the full spacing. Otherwise two contradicting rules would each see the device agree briefly, and neither would back off.
    const isLasting = repeats > 0 && remainingMs(emittedAt, differs, now) === 0;
    if (!isLasting && !restarted) return state;
    return {
      ...state,
      ...(isLasting && { repeats: undefined }),
      ...(restarted && { told: device.startedAt }),
    };
  }
  if (rule.reassertMs === Number.POSITIVE_INFINITY) return state;
  if (report === 'nothing' && device.acknowledges && !restarted) return state;
  const spacing = restarted
    ? repeats === 0
      ? minMs
      : rule.reassertMs
    : report === 'differs'
      ? differs
      : rule.reassertMs;
  const isQuiet = isQuieted && rule.quiet?.endOf(now) !== undefined;
  // A reading that was taken before the command does not count.
  const isDue = remainingMs(emittedAt, spacing + ageMs, now) === 0 && !isQuiet;
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

/** Whether the device has restarted since the last command to it, or since it last agreed. */
export function hasRestarted(
  { startedAt }: Pick<DeviceFacts, 'startedAt'>,
  { emittedAt, told = emittedAt }: Pick<RuleState, 'emittedAt' | 'told'>,
): boolean {
  return startedAt !== undefined && told !== undefined && startedAt > told;
}

/** The spacing for a device that reports a different value, milliseconds. */
function spaced(reassertMs: number, repeats: number): number {
  return Math.min(reassertMs * 2 ** repeats, Math.max(reassertMs, MAX_REASSERT_MS));
}

/** Compares a reading with the keys of an action that it has. */
export function compareReport(action: Action, reading: Observation['reading']): Report {
  let report: Report = 'nothing';
  for (const key in action) {
    const value = Object.hasOwn(reading, key) ? reading[key] : undefined;
    if (value === undefined || value === null) continue;
    if (!isSame(value, action[key])) return 'differs';
    report = 'agrees';
  }
  return report;
}

/** The values that a reading has for the keys of an action. */
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

/** Whether two JSON values are equal, regardless of the order of keys. */
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
