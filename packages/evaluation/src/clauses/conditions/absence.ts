import { z } from 'zod';
import type { EvaluationContext, Observation } from '../../context/evaluation-context.js';
import type { RuleState } from '../../context/rule-state.js';
import type { TraceStep } from '../../context/trace.js';
import { durationField, type Fields, milliseconds, type Report } from '../definition/clause.js';
import { duration } from '../definition/sentences.js';
import type { CompiledQuorumClause } from './quorum.js';

export interface CompiledAbsence {
  /** Raises after silence of this length, instead of `when`. */
  readonly absenceMs: number | undefined;
}
type Context = EvaluationContext<CompiledAbsence>;

/** Raises when the device has been silent for a time. */
export const absence = {
  fields: {
    absence: z
      .strictObject({ after: durationField(1000, 'How long the device must be silent.') })
      .optional()
      .describe(
        'Instead of "when": raises when the device has been silent for this long, lowers at its next reading.',
      ),
  },
  examples: { absence: { after: '5m' } },
  contradictions(rule: Fields, report: Report): void {
    if (rule.absence === undefined) return;
    for (const key of ['when', 'clear', 'quorum', 'deadband'])
      if (rule[key] !== undefined) report(key, 'cannot be used together with "absence"');
  },
  compile: (rule: { readonly absence?: { readonly after: string } | undefined }): CompiledAbsence => ({
    absenceMs: rule.absence && milliseconds(rule.absence.after),
  }),
  verdict({ rule, before, observation, now, trace }: Context): boolean {
    const limitMs = absenceLimitMs(rule.absenceMs!, observation);
    const due = silenceDue(limitMs, before, observation, now);
    // A raised absence lasts until the next reading: an interruption of listening does not end the silence.
    const { trigger, heardAt } = observation;
    const isStillSilent = trigger === 'timer' && before?.raised === true && heardAt < before.at;
    const isSilent = isStillSilent || (due !== undefined && now >= due);
    const since = isStillSilent || due === undefined ? heardAt : due - limitMs;
    trace?.push({ clause: 'absence', passes: isSilent, amount: now - since, limit: limitMs, until: due });
    return isSilent;
  },
  sentences: {
    absence({ passes, amount = 0, limit = 0, until }: TraceStep): string {
      const silence = `the device had been silent for ${duration(amount)}`;
      if (passes) return `${silence}, at least ${duration(limit)}`;
      return until === undefined
        ? `${silence}, and the rule had already sent its command`
        : `${silence}; ${duration(limit)} are needed`;
    },
  },
};

/** Whether a rule evaluates readings, which grow old; silence and votes are evaluated as they are now. */
export function evaluatesReadings({ absenceMs, quorum }: CompiledAbsence & CompiledQuorumClause): boolean {
  return absenceMs === undefined && quorum === undefined;
}

/** When silence would raise the rule, or would end the hold of its lowering; undefined if it would do neither. */
export function nextSilenceAt(
  { rule, observation, now }: Omit<Context, 'trace'>,
  state: RuleState,
): number | undefined {
  const isHeld = state.held !== undefined;
  if (rule.absenceMs === undefined || state.raised !== isHeld) return undefined;
  const due = silenceDue(absenceLimitMs(rule.absenceMs, observation), state, observation, now);
  return due === undefined || due <= now ? undefined : due;
}

/** The silence that counts as an absence: at least one and a half of the longest interval that the device is set to. */
function absenceLimitMs(absenceMs: number, { longestIntervalMs = 0 }: Observation): number {
  return Math.max(absenceMs, 1.5 * longestIntervalMs);
}

/**
 * When the silence will have lasted long enough; undefined if the rule has already raised for it, in a run that is over.
 * Silence before the first evaluation of a rule does not count.
 */
function silenceDue(
  afterMs: number,
  state: RuleState | undefined,
  { heardAt, listeningSince = 0 }: Pick<Observation, 'heardAt' | 'listeningSince'>,
  now: number,
): number | undefined {
  if (state === undefined) return now + afterMs;
  if (state.raisedAt !== undefined && heardAt < state.raisedAt) return undefined;
  return Math.max(heardAt, listeningSince, state.first === true ? state.at : 0) + afterMs;
}
