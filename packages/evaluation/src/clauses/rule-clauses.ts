import type { z } from 'zod';
import type { EvaluationContext } from '../context/evaluation-context.js';
import type { Clause } from '../context/trace.js';
import { action } from './commands/action.js';
import { effect } from './commands/effect.js';
import { reassert } from './commands/reassert.js';
import { run } from './commands/run.js';
import { absence } from './conditions/absence.js';
import { deadband } from './conditions/deadband.js';
import { quorum } from './conditions/quorum.js';
import { when } from './conditions/when.js';
import type { Fields, Report, Stop } from './definition/clause.js';
import type { ExpressionCompiler, ExpressionField } from './definition/expression-field.js';
import type { Sentence } from './definition/sentences.js';
import { cooldown } from './delays/cooldown.js';
import { dwell } from './delays/dwell.js';
import { hold } from './delays/hold.js';
import { quiet } from './delays/quiet.js';
import { enabled } from './stops/enabled.js';
import { loop } from './stops/loop.js';
import { maxAge } from './stops/max-age.js';
import { settle } from './stops/settle.js';

/** A clause that has fields in the rule document. */
interface ClauseDefinition {
  readonly fields: z.ZodRawShape;
  /** An example of each field, as shown in docs/rules.md. */
  readonly examples: Fields;
  readonly expressions?: readonly ExpressionField[];
  readonly contradictions?: (rule: Fields, report: Report) => void;
}

export const CLAUSE_DEFINITIONS: readonly ClauseDefinition[] = [
  enabled,
  when,
  absence,
  maxAge,
  hold,
  dwell,
  cooldown,
  settle,
  deadband,
  quiet,
  run,
  quorum,
  action,
  reassert,
  effect,
];

/** The fields that clauses add to a rule document, in the order of docs/rules.md. */
export const CLAUSE_FIELDS = {
  ...enabled.fields,
  ...when.fields,
  ...absence.fields,
  ...maxAge.fields,
  ...hold.fields,
  ...dwell.fields,
  ...cooldown.fields,
  ...settle.fields,
  ...deadband.fields,
  ...quiet.fields,
  ...run.fields,
  ...quorum.fields,
  ...action.fields,
  ...reassert.fields,
  ...effect.fields,
};

export type ClauseFields = z.output<z.ZodObject<typeof CLAUSE_FIELDS>>;
export type CompiledClauses = ReturnType<typeof compileClauses>;

/** @throws ExpressionInvalid */
export function compileClauses(rule: ClauseFields, compiler: ExpressionCompiler) {
  return {
    ...enabled.compile(rule),
    ...when.compile(rule, compiler),
    ...absence.compile(rule),
    ...maxAge.compile(rule),
    ...hold.compile(rule),
    ...dwell.compile(rule),
    ...cooldown.compile(rule),
    ...settle.compile(rule),
    ...deadband.compile(rule, compiler),
    ...quiet.compile(rule),
    ...run.compile(rule, compiler),
    ...quorum.compile(rule, compiler),
    ...action.compile(rule),
    ...reassert.compile(rule),
    ...effect.compile(rule, compiler),
  };
}

type Context = EvaluationContext<CompiledClauses>;

/** The first clause, in order, that stops an evaluation before any condition is evaluated. Direct calls: loops over clauses are slower. */
export function firstStop(context: Context): Stop | undefined {
  return enabled.stop(context) ?? maxAge.stop(context, delayMs) ?? loop.stop(context) ?? settle.stop(context);
}

/** How long a verdict is still delayed, milliseconds; 0 if it can take effect now. The clauses run in parallel. */
export function delayMs(context: Context, raises: boolean): number {
  const ms = Math.max(hold.delayMs(context), dwell.delayMs(context));
  return raises ? Math.max(ms, quiet.delayMs(context), cooldown.delayMs(context)) : ms;
}

export const SENTENCES: Readonly<Record<Clause, Sentence>> = {
  ...enabled.sentences,
  ...when.sentences,
  ...absence.sentences,
  ...maxAge.sentences,
  ...hold.sentences,
  ...dwell.sentences,
  ...cooldown.sentences,
  ...settle.sentences,
  ...deadband.sentences,
  ...quiet.sentences,
  ...run.sentences,
  ...quorum.sentences,
  ...action.sentences,
  ...reassert.sentences,
  ...loop.sentences,
  error: ({ reason }) => `the rule failed: ${reason}`,
};
