import { z } from 'zod';
import type { EvaluationContext } from '../../context/evaluation-context.js';
import { evaluateTraced, type TraceStep } from '../../context/trace.js';
import type { Expression } from '../../expression/expression.js';
import { expressionField, type Fields, fieldsOf, type Report } from '../definition/clause.js';
import {
  DEVICE,
  deciderOf,
  type ExpressionCompiler,
  type ExpressionField,
  GROUP_VALUE,
} from '../definition/expression-field.js';
import { expressionSentence, rounded } from '../definition/sentences.js';

export interface CompiledDeadband {
  readonly deadband: { readonly of: Expression<number>; readonly by: number } | undefined;
}
interface DeadbandFields {
  readonly deadband?: { readonly of: string; readonly by: number } | undefined;
}

const OF: ExpressionField = {
  path: ['deadband', 'of'],
  returns: 'number',
  visible: { device: DEVICE, measuring: GROUP_VALUE },
  decides: true,
};

/** A reading that has moved too little since the last evaluated one is skipped. */
export const deadband = {
  fields: {
    deadband: z
      .strictObject({ of: expressionField('A CEL number over the reading.'), by: z.number().positive() })
      .optional()
      .describe('Skips readings that moved less than "by" since the last evaluated one.'),
  },
  examples: { deadband: { of: 'light', by: 5 } },
  expressions: [OF],
  contradictions(rule: Fields, report: Report): void {
    const policy = fieldsOf(rule.quorum)?.policy;
    if (rule.deadband !== undefined && typeof policy === 'string' && deciderOf(policy) === 'counting')
      report(
        'deadband',
        'cannot be used where votes are counted; use policy "median" or "trimmedMean", which have a value',
      );
  },
  compile: ({ deadband: field }: DeadbandFields, compiler: ExpressionCompiler): CompiledDeadband => ({
    deadband: field && { of: compiler.number(OF, field.of), by: field.by },
  }),
  /** Whether the reading has moved, and the value to remember; undefined if undecided. */
  movement({
    rule,
    before,
    scope,
    trace,
  }: EvaluationContext<CompiledDeadband>):
    | { readonly moved: boolean; readonly band: number | undefined }
    | undefined {
    if (rule.deadband === undefined) return UNLIMITED;
    const { of, by } = rule.deadband;
    const value = evaluateTraced('deadband', of, scope, trace);
    if (value === undefined) return undefined;
    if (before?.band === undefined) return { moved: true, band: value };
    const distance = Math.abs(value - before.band);
    const moved = distance >= by;
    trace?.push({ clause: 'deadband', passes: moved, amount: distance, limit: by });
    return { moved, band: moved ? value : before.band };
  },
  sentences: {
    deadband({ passes, amount, limit, text, ...step }: TraceStep): string {
      if (text !== undefined) return expressionSentence({ text, passes, ...step });
      const distance = `it had moved by ${rounded(amount ?? 0)} since it was last evaluated`;
      return passes ? distance : `${distance}, less than ${rounded(limit ?? 0)}, so the reading was skipped`;
    },
  },
};

const UNLIMITED = { moved: true, band: undefined };
