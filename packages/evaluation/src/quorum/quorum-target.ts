import type { Action } from '@lamplighter/contracts/commands/command';
import { compareReport, hasRestarted, stateAfterReassert } from '../clauses/commands/reassert.js';
import { isCut } from '../clauses/stops/loop.js';
import type { DeviceFacts, Observation } from '../context/evaluation-context.js';
import { type RuleState } from '../context/rule-state.js';
import type { Trace } from '../context/trace.js';
import type { CompiledRule } from '../rule/compile-rule.js';
import type { GroupState } from './quorum-group.js';

/** The key of a target's re-assertion state among its rule states. */
export const targetKey = (rule: string): string => `target:${rule}`;

/** What the reading of a target leads to. */
export interface TargetReassertion {
  /** The next state of the target: the same object if nothing changed, undefined if there is nothing to remember. */
  readonly state: RuleState | undefined;
  readonly emit?: Action;
  /** Which side of the rule that is; undefined for the safe action. */
  readonly raise?: boolean;
  /** When the device restarted, if that is why. */
  readonly restartedAt?: number | undefined;
}

/** The command that is in force for all targets of a group. */
interface GroupCommand {
  readonly action: Action;
  readonly raise: boolean | undefined;
  /** When the targets got them. */
  readonly at: number;
}

/**
 * Re-asserts the group's command to a target that reports a different value for a commanded key, or has restarted, by the rules of
 * `stateAfterReassert`. A target that reports none of the keys does not get the command again: the dispatcher ensures delivery. Pure.
 * @param memory of the target: `at` is when the group emitted the command, `emittedAt` when it was last re-asserted
 * @param now server time, milliseconds
 */
export function reassertTarget(
  rule: CompiledRule,
  group: GroupState,
  memory: RuleState | undefined,
  observation: Pick<Observation, 'reading' | 'ageMs'> & { readonly device?: Pick<DeviceFacts, 'startedAt'> },
  now: number,
  trace?: Trace,
): TargetReassertion {
  const command = groupCommandOf(rule, group, now);
  if (
    command === undefined ||
    rule.reassertMs === Number.POSITIVE_INFINITY ||
    observation.ageMs > rule.maxAgeMs
  )
    return { state: memory };
  const { action, raise, at } = command;
  const known = memory?.since === rule.since && memory.at === at ? memory : undefined;
  const before = known ?? { since: rule.since, raised: raise === true, at, emittedAt: at };
  const device = { acknowledges: true, startedAt: observation.device?.startedAt };
  const after = stateAfterReassert(
    { rule, observation, device, now, trace },
    action,
    before,
    raise === true,
    rule.settleMs,
  );
  if (after.emittedAt === before.emittedAt) {
    if (compareReport(action, observation.reading) !== 'agrees') return { state: memory };
    return { state: after.repeats === undefined && after.told === undefined ? undefined : after };
  }
  const reason = raise === undefined ? 'lost' : 'reassert';
  trace?.push({ clause: 'emit', passes: true, value: raise, action, reason });
  const restartedAt = hasRestarted(device, before) ? device.startedAt : undefined;
  return { state: after, emit: action, raise, restartedAt };
}

/** The command in force; none while the rule is disabled or cut, before its first verdict, and when a run is over but not ended yet. */
function groupCommandOf(rule: CompiledRule, group: GroupState, now: number): GroupCommand | undefined {
  const { rule: state, safeAt, toldAt = safeAt } = group;
  if (!rule.enabled || group.since !== rule.since || toldAt === undefined) return undefined;
  const commandOf = (action: Action | undefined, raise: boolean | undefined) =>
    action && { action, raise, at: toldAt };
  if (safeAt !== undefined) return commandOf(rule.quorum?.safe, undefined);
  if (state === undefined || state.since !== rule.since || state.first === true) return undefined;
  const { raised, runUntil } = state;
  if (isCut(state, now)) return undefined;
  if (raised && rule.run !== undefined && (runUntil === undefined || now >= runUntil)) return undefined;
  return commandOf(raised ? rule.whenTrue : rule.whenFalse, raised);
}
