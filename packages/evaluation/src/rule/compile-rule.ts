import type { Action, OnFailure, Policy } from '@lamplighter/contracts/commands/command';
import { durationMs } from '@lamplighter/contracts/duration';
import type { DeviceScope } from '@lamplighter/contracts/rules/device-scope';
import {
  compileExpression,
  type Expression,
  type ScopeVariable,
  type WindowUse,
} from '../expression/expression.js';
import { type QuietHours, quietHours } from './quiet-hours.js';
import type { Rule } from './rule.js';
import { HISTORY_DEPTH } from './window.js';

/** A rule ready for the hot path: expressions compiled, durations in milliseconds. docs/rules.md explains every field. */
export interface CompiledRule {
  readonly id: string;
  /** Version of the document, and the version since which rule states count; a state of another `since` begins anew. */
  readonly version: number;
  readonly since: number;
  readonly enabled: boolean;
  /** Whom it judges; for a quorum: who votes. */
  readonly scope: DeviceScope;
  /** Whom a quorum commands; undefined: whom it judges. */
  readonly target: DeviceScope | undefined;
  readonly when: Expression<boolean> | undefined;
  readonly clear: Expression<boolean> | undefined;
  /** Silence that raises, in place of `when`. */
  readonly absenceMs: number | undefined;
  readonly maxAgeMs: number;
  readonly holdMs: number;
  readonly dwellMs: number;
  readonly cooldownMs: number;
  readonly settleMs: number;
  readonly deadband: { readonly of: Expression<number>; readonly by: number } | undefined;
  readonly quiet: QuietHours | undefined;
  readonly run: { readonly seconds: Expression<number>; readonly maxMs: number } | undefined;
  readonly quorum: CompiledQuorum | undefined;
  readonly whenTrue: Action;
  readonly whenFalse: Action | undefined;
  readonly mode: 'change' | 'every';
  /** Infinity if never. */
  readonly reassertMs: number;
  readonly effect: { readonly expect: Expression<boolean>; readonly withinMs: number } | undefined;
  readonly policy: Policy;
  readonly lane: string | undefined;
  readonly ttlMs: number;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly onFailure: OnFailure | undefined;
  /** Readings of one device that its expressions look at besides the present one: 0, 2 (the one before), or a whole window. */
  readonly depth: number;
  /** Measurements that a verdict may depend on, those that tell whether the device does as commanded included. */
  readonly names: readonly string[];
  /** What its expressions ask of windows, each once. */
  readonly windows: readonly WindowUse[];
  readonly usesLast: boolean;
}

export type CompiledQuorum = NonNullable<Rule['quorum']> & {
  /** What each sensor says, for policies that measure. */
  readonly measure: Expression<number> | undefined;
};

// What expressions may speak of, by who judges: docs/rules.md has the same table.
const OF_A_DEVICE: readonly ScopeVariable[] = ['last', 'window', 'device'];
const OF_A_VOTER: readonly ScopeVariable[] = ['device'];
const OF_A_MEASURING_GROUP: readonly ScopeVariable[] = ['value'];
const OF_A_COUNTING_GROUP: readonly ScopeVariable[] = [];

/**
 * Makes a rule ready to be judged.
 * @param version of the document
 * @param since version of the last write that changed what is judged or commanded
 * @throws ExpressionInvalid if an expression does not compile
 */
export function compileRule(rule: Rule, version: number, since: number): CompiledRule {
  const { deadband, run, effect, quorum, command } = rule;
  const measures = quorum?.of !== undefined;
  // Whoever counts votes asks each sensor on its own; whoever measures asks the conditions of what came out.
  const asked = quorum === undefined ? OF_A_DEVICE : measures ? OF_A_MEASURING_GROUP : OF_A_VOTER;
  const acting = quorum !== undefined && !measures ? OF_A_COUNTING_GROUP : asked;
  const truth = (text: string | undefined) =>
    text === undefined ? undefined : compileExpression(text, { returns: 'bool', variables: asked });
  const number = (text: string, variables: readonly ScopeVariable[]) =>
    compileExpression(text, { returns: 'number', variables });
  const judging = {
    when: truth(rule.when),
    clear: truth(rule.clear),
    deadband: deadband && { of: number(deadband.of, asked), by: deadband.by },
    run: run && { seconds: number(run.seconds, acting), maxMs: ms(run.max) },
    quorum: quorum && {
      ...quorum,
      measure: quorum.of === undefined ? undefined : number(quorum.of, OF_A_VOTER),
    },
  };
  const expectation =
    effect && compileExpression(effect.expect, { returns: 'bool', variables: ['last', 'device'] });
  return {
    id: rule.id,
    version,
    since,
    enabled: rule.enabled,
    scope: rule.scope.devices,
    target: rule.target?.devices,
    ...judging,
    absenceMs: rule.absence && ms(rule.absence.after),
    maxAgeMs: ms(rule.maxAge),
    holdMs: ms(rule.hold),
    dwellMs: ms(rule.dwell),
    cooldownMs: ms(rule.cooldown),
    settleMs: ms(rule.settle),
    quiet: rule.quiet && quietHours(rule.quiet),
    whenTrue: rule.then,
    whenFalse: rule.else,
    mode: rule.mode,
    reassertMs: rule.reassert === 'never' ? Number.POSITIVE_INFINITY : ms(rule.reassert),
    effect: effect && expectation && { expect: expectation, withinMs: ms(effect.within) },
    policy: command.policy,
    lane: command.lane,
    ttlMs: ms(command.ttl),
    timeoutMs: ms(command.timeout),
    attempts: command.attempts,
    onFailure: command.onFailure,
    ...looksAt(rule, [
      judging.when,
      judging.clear,
      judging.deadband?.of,
      judging.run?.seconds,
      judging.quorum?.measure,
    ]),
  };
}

/** What the verdicts of a rule depend on. */
function looksAt(
  { then, else: otherwise }: Rule,
  expressions: readonly (Expression<boolean | number> | undefined)[],
) {
  const used = expressions.filter((expression) => expression !== undefined);
  const windows = new Map(
    used.flatMap((expression) => expression.windows.map((w) => [JSON.stringify(w), w])),
  );
  const usesLast = used.some((expression) => expression.usesLast);
  const names = new Set(used.flatMap((expression) => expression.names));
  for (const action of [then, otherwise ?? {}]) for (const key of Object.keys(action)) names.add(key);
  return {
    depth: windows.size > 0 ? HISTORY_DEPTH : usesLast ? 2 : 0,
    names: [...names],
    windows: [...windows.values()],
    usesLast,
  };
}

// The document has been validated, so every duration is one.
const ms = (text: string): number => durationMs(text)!;
