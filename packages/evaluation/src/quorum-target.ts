import type { Action } from '@lamplighter/contracts/command';
import type { CompiledRule } from './compile-rule.js';
import { LOOP_CUT_MS } from './evaluate-change.js';
import type { Observation } from './evaluate-input.js';
import { reported, reportedValues, spaced } from './evaluate-repeat.js';
import type { GroupState } from './quorum-group.js';
import { left, type RuleState } from './rule-state.js';
import type { Trace } from './trace.js';

/** Under which name a target remembers that it was told again, beside the states of its own rules. */
export const targetKey = (rule: string): string => `target:${rule}`;

/** What a target's reading leads to. */
export interface Reminded {
  /** What the target remembers from now on: the same object if nothing changed, undefined if there is nothing to remember. */
  readonly state: RuleState | undefined;
  readonly emit?: Action;
  /** Which side of the rule that is; undefined of the safe action. */
  readonly raise?: boolean;
}

/** What all targets of a group were last commanded, and still should be doing. */
interface Standing {
  readonly action: Action;
  readonly raise: boolean | undefined;
  /** When they were commanded. */
  readonly at: number;
}

/**
 * Whether a target of a quorum is told again what the group has decided: when it reports another value for a commanded key, first
 * `reassert` after all of them were commanded, then after twice that, and so on up to an hour, until it has agreed for as long. What was
 * raised is not repeated in quiet hours. A target that reports none of the keys is left alone, for who delivers commands sees to it that they arrive.
 * Pure.
 * @param memory of the target: `at` is when the group had commanded what it was told again, at `emittedAt`
 * @param now server time, milliseconds
 */
export function remind(
  rule: CompiledRule,
  group: GroupState,
  memory: RuleState | undefined,
  { reading, ageMs }: Pick<Observation, 'reading' | 'ageMs'>,
  now: number,
  trace?: Trace,
): Reminded {
  const standing = standingOf(rule, group, now);
  if (standing === undefined || rule.reassertMs === Number.POSITIVE_INFINITY || ageMs > rule.maxAgeMs)
    return { state: memory };
  const { action, raise, at } = standing;
  const report = reported(action, reading);
  if (report === 'nothing') return { state: memory };
  const known = memory?.since === rule.since && memory.at === at ? memory : undefined;
  const { emittedAt = at, repeats = 0 } = known ?? {};
  const spacing = Math.max(spaced(rule.reassertMs, repeats), rule.settleMs);
  // Not at once: where two contradict each other the target agrees with whoever spoke last, and neither would ever tire.
  if (report === 'agrees') return { state: left(emittedAt, spacing, now) === 0 ? undefined : known };
  const isQuiet = raise === true && rule.quiet?.endOf(now) !== undefined;
  // A reading that was taken before is not held against it.
  const isDue = left(emittedAt, spacing + ageMs, now) === 0 && !isQuiet;
  trace?.push({
    clause: 'reassert',
    passes: isDue,
    reason: isQuiet ? 'quiet' : report,
    amount: now - emittedAt,
    limit: spacing,
    values: reportedValues(action, reading),
  });
  if (!isDue) return { state: memory };
  trace?.push({
    clause: 'emit',
    passes: true,
    value: raise,
    action,
    reason: raise === undefined ? 'lost' : 'reassert',
  });
  const state = { since: rule.since, raised: raise === true, at, emittedAt: now, repeats: repeats + 1 };
  return { state, emit: action, raise };
}

/** What stands; nothing while the rule is off or cut, before its first verdict, and when a run is over that is not ended yet. */
function standingOf(rule: CompiledRule, group: GroupState, now: number): Standing | undefined {
  const { rule: state, safeAt, toldAt = safeAt } = group;
  if (!rule.enabled || group.since !== rule.since || toldAt === undefined) return undefined;
  const standing = (action: Action | undefined, raise: boolean | undefined) =>
    action && { action, raise, at: toldAt };
  if (safeAt !== undefined) return standing(rule.quorum?.safe, undefined);
  if (state === undefined || state.since !== rule.since || state.first === true) return undefined;
  const { raised, cut, runUntil } = state;
  if (cut !== undefined && left(cut - LOOP_CUT_MS, LOOP_CUT_MS, now) > 0) return undefined;
  if (raised && rule.run !== undefined && (runUntil === undefined || now >= runUntil)) return undefined;
  return standing(raised ? rule.whenTrue : rule.whenFalse, raised);
}
