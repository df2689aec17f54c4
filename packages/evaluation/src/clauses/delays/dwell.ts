import type { EvaluationContext } from '../../context/evaluation-context.js';
import type { TraceStep } from '../../context/trace.js';
import { durationField, milliseconds } from '../definition/clause.js';
import { lasted } from '../definition/sentences.js';
import { limitMs } from './time-limit.js';

export interface CompiledDwell {
  readonly dwellMs: number;
}

/** A verdict lasts for at least this long. Does not delay the first verdict. */
export const dwell = {
  fields: { dwell: durationField(0, 'Minimum time that a verdict lasts.').default('0s') },
  examples: { dwell: '2s' },
  compile: (rule: { readonly dwell: string }): CompiledDwell => ({ dwellMs: milliseconds(rule.dwell) }),
  delayMs(context: EvaluationContext<CompiledDwell>): number {
    const { rule, before } = context;
    if (rule.dwellMs === 0 || before === undefined || before.first === true) return 0;
    return limitMs(context, 'dwell', before.at, rule.dwellMs);
  },
  sentences: { dwell: (step: TraceStep) => lasted(step, 'the verdict had lasted', 'dwell') },
};
