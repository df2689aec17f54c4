import type { EvaluationContext } from '../../context/evaluation-context.js';
import { evaluateTraced, type Trace } from '../../context/trace.js';
import type { Expression, Scope } from '../../expression/expression.js';
import { expressionField, type Fields, type Report } from '../definition/clause.js';
import {
  DEVICE,
  type ExpressionCompiler,
  type ExpressionField,
  GROUP_VALUE,
  SENSOR,
} from '../definition/expression-field.js';
import { expressionSentence } from '../definition/sentences.js';

export interface CompiledWhen {
  readonly when: Expression<boolean> | undefined;
  readonly clear: Expression<boolean> | undefined;
}
interface WhenFields {
  readonly when?: string | undefined;
  readonly clear?: string | undefined;
}

const condition = (name: string): ExpressionField => ({
  path: [name],
  returns: 'bool',
  visible: { device: DEVICE, counting: SENSOR, measuring: GROUP_VALUE },
  decides: true,
});
const WHEN = condition('when');
const CLEAR = condition('clear');

/** The conditions that raise and lower the verdict (hysteresis). */
export const when = {
  fields: {
    when: expressionField('Raises the verdict: a CEL condition over the reading.').optional(),
    clear: expressionField(
      'Lowers the verdict (hysteresis). Without it, the verdict is lowered as soon as "when" is false.',
    ).optional(),
  },
  examples: { when: 'light < 300', clear: 'light > 330' },
  expressions: [WHEN, CLEAR],
  contradictions(rule: Fields, report: Report): void {
    const isAbsence = rule.absence !== undefined;
    if (rule.when === undefined && !isAbsence) report('when', 'a rule needs "when" or "absence"');
    if (rule.clear === undefined) return;
    if (rule.when === undefined && !isAbsence) report('clear', 'cannot be used without "when"');
    if (rule.clear === rule.when)
      report('clear', 'must differ from "when", or the condition that raises the rule also lowers it');
  },
  compile: (rule: WhenFields, compiler: ExpressionCompiler): CompiledWhen => ({
    when: rule.when === undefined ? undefined : compiler.condition(WHEN, rule.when),
    clear: rule.clear === undefined ? undefined : compiler.condition(CLEAR, rule.clear),
  }),
  verdict({ rule, before, scope, trace }: EvaluationContext<CompiledWhen>): boolean | undefined {
    return conditionHolds(rule, before?.raised ?? false, scope, trace);
  },
  sentences: { when: expressionSentence, clear: expressionSentence },
};

/** Why neither limit of a hysteresis changes the verdict. */
export const HYSTERESIS_SENTENCE = 'between the two limits the verdict does not change (hysteresis)';

/**
 * The verdict that the condition requests, hysteresis included: raised (true), lowered (false) or undecided. Between `when` and `clear`
 * the verdict does not change, and where both hold it is lowered.
 * @param raised the current verdict
 * @throws ExpressionFailed
 */
export function conditionHolds(
  { when: raises, clear }: CompiledWhen,
  raised: boolean,
  scope: Scope,
  trace?: Trace,
): boolean | undefined {
  if (raised && clear !== undefined) {
    const clears = evaluateTraced('clear', clear, scope, trace);
    return clears === undefined ? undefined : !clears;
  }
  if (raises === undefined) return undefined;
  const holds = evaluateTraced('when', raises, scope, trace);
  if (holds !== true || clear === undefined) return holds;
  return evaluateTraced('clear', clear, scope, trace) !== true;
}
