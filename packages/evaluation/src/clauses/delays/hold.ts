import type { EvaluationContext } from '../../context/evaluation-context.js';
import type { RuleState } from '../../context/rule-state.js';
import type { TraceStep } from '../../context/trace.js';
import { durationField, milliseconds } from '../definition/clause.js';
import { lasted } from '../definition/sentences.js';
import { limitMs } from './time-limit.js';

export interface CompiledHold {
  readonly holdMs: number;
}

/** The other verdict takes effect only after all readings have requested it for this long. */
export const hold = {
  fields: {
    hold: durationField(0, 'How long the other verdict must last before it takes effect.').default('0s'),
  },
  examples: { hold: '10s' },
  compile: (rule: { readonly hold: string }): CompiledHold => ({ holdMs: milliseconds(rule.hold) }),
  delayMs(context: EvaluationContext<CompiledHold>): number {
    const { rule, before, now } = context;
    return rule.holdMs > 0 ? limitMs(context, 'hold', before?.held ?? now, rule.holdMs) : 0;
  },
  sentences: { hold: (step: TraceStep) => lasted(step, 'the other verdict had lasted', 'hold') },
};

/** The state without the pending verdict, which has to last from the start again. */
export function restartHold(state: RuleState): RuleState {
  return { ...state, held: undefined, band: undefined };
}
