import { z } from 'zod';
import type { EvaluationContext } from '../../context/evaluation-context.js';
import { type PromisedEnd, remainingMs } from '../../context/rule-state.js';
import { evaluateTraced, type TraceStep } from '../../context/trace.js';
import type { Expression } from '../../expression/expression.js';
import {
  durationField,
  expressionField,
  type Fields,
  milliseconds,
  type Report,
} from '../definition/clause.js';
import {
  DEVICE,
  type ExpressionCompiler,
  type ExpressionField,
  GROUP_VALUE,
} from '../definition/expression-field.js';
import { duration, expressionSentence, time } from '../definition/sentences.js';

export interface CompiledRun {
  readonly run: { readonly seconds: Expression<number>; readonly maxMs: number } | undefined;
}
interface RunFields {
  readonly run?: { readonly seconds: string; readonly max: string } | undefined;
}

const SECONDS: ExpressionField = {
  path: ['run', 'seconds'],
  returns: 'number',
  visible: {
    device: DEVICE,
    counting: { variables: [], noMeasurements: 'votes have no common reading; use a number' },
    measuring: GROUP_VALUE,
  },
  decides: true,
};

/** An action that ends by timer. */
export const run = {
  fields: {
    run: z
      .strictObject({
        seconds: expressionField('A CEL number.'),
        max: durationField(1000, 'Upper limit of "seconds".'),
      })
      .optional()
      .describe('A timer commands "else" after this many seconds.'),
  },
  examples: { run: { seconds: '(300 - light) / 10', max: '30s' } },
  expressions: [SECONDS],
  contradictions(rule: Fields, report: Report): void {
    if (rule.run === undefined) return;
    if (rule.else === undefined) report('else', 'is required with "run": it ends the run');
    if (rule.mode === 'every') report('mode', 'must be "change" with "run"');
  },
  compile: ({ run: field }: RunFields, compiler: ExpressionCompiler): CompiledRun => ({
    run: field && { seconds: compiler.number(SECONDS, field.seconds), maxMs: milliseconds(field.max) },
  }),
  /** Whether a run is over. A run that would last longer than `max` is over too: the server's clock was set back. */
  isOver({ rule, now, trace }: EvaluationContext<CompiledRun>, until: number): boolean {
    const ms =
      rule.run === undefined ? until - now : remainingMs(until - rule.run.maxMs, rule.run.maxMs, now);
    trace?.push({ clause: 'run', passes: ms <= 0, amount: until - now, until });
    return ms <= 0;
  },
  /** The length of a run that starts now, milliseconds; 0 if it would take no time, undefined if undecided. */
  lengthMs({ rule, scope, trace }: EvaluationContext<CompiledRun>): number | undefined {
    const { seconds: expression, maxMs } = rule.run!;
    const lengthMs = (seconds: number) => Math.max(0, Math.round(Math.min(maxMs, seconds * 1000)));
    const seconds = evaluateTraced('seconds', expression, scope, trace, (value) => lengthMs(value) > 0);
    return seconds === undefined ? undefined : lengthMs(seconds);
  },
  sentences: {
    run({ passes, amount = 0, reason }: TraceStep): string {
      if (passes) return 'the time of the run was over';
      const remaining = `the run had ${duration(amount)} to go`;
      return reason === 'earlier'
        ? `${remaining}; an earlier version started it, and this version starts when it ends`
        : remaining;
    },
    seconds: (step: TraceStep) =>
      step.value === undefined || step.passes
        ? expressionSentence(step)
        : `${expressionSentence(step)}; the run would take no time`,
  },
};

/** Explains how a run that is in progress ends. */
export function promisedEndSentence(until: number, { version, action }: PromisedEnd): string {
  return `a run started by version ${version} ends at ${time(until)} with ${JSON.stringify(action)}`;
}

/** Explains the promised end of a run that was in progress when a rule was evaluated. */
export function pastPromisedEndSentence(until: number, { version, action }: PromisedEnd): string {
  return `version ${version} had promised to end the run at ${time(until)} with ${JSON.stringify(action)}`;
}
