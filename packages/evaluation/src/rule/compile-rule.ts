import type { DeviceScope } from '@lamplighter/contracts/rules/device-scope';
import { deciderOf, ExpressionCompiler } from '../clauses/definition/expression-field.js';
import { type CompiledClauses, compileClauses } from '../clauses/rule-clauses.js';
import type { Expression } from '../expression/expression.js';
import type { WindowUse } from '../window/functions.js';
import { WINDOW_DEPTH } from '../window/reading-window.js';
import type { Rule } from './rule.js';

/** A rule ready for evaluation: expressions compiled, durations in milliseconds. docs/rules.md explains every field. */
export interface CompiledRule extends CompiledClauses {
  readonly id: string;
  /** Version of the document. */
  readonly version: number;
  /** The version since which rule states are valid; a state of another `since` starts from scratch. */
  readonly since: number;
  /** The devices that the rule evaluates; for a quorum, the devices that vote. */
  readonly scope: DeviceScope;
  /** How many readings of the window its expressions need: 0, 2 (the current and the previous one), or a whole window. */
  readonly depth: number;
  /** Measurements that a verdict can depend on, including those that show whether the device follows its commands. */
  readonly names: readonly string[];
  /** The windows that its expressions use, each once. */
  readonly windows: readonly WindowUse[];
  readonly usesLast: boolean;
}

/**
 * Compiles a rule.
 * @param version of the document
 * @param since version of the last write that changed what is evaluated or sent
 * @throws ExpressionInvalid if an expression does not compile
 */
export function compileRule(rule: Rule, version: number, since: number): CompiledRule {
  const compiler = new ExpressionCompiler(deciderOf(rule.quorum?.policy));
  const clauses = compileClauses(rule, compiler);
  return {
    id: rule.id,
    version,
    since,
    scope: rule.scope.devices,
    ...clauses,
    ...dependencies(rule, compiler.deciding),
  };
}

/** The inputs of a rule's verdicts. */
function dependencies({ then, else: otherwise }: Rule, expressions: readonly Expression<boolean | number>[]) {
  const windows = new Map(
    expressions.flatMap((expression) => expression.windows.map((w) => [JSON.stringify(w), w])),
  );
  const usesLast = expressions.some((expression) => expression.usesLast);
  const names = new Set(expressions.flatMap((expression) => expression.names));
  for (const action of [then, otherwise ?? {}]) for (const key of Object.keys(action)) names.add(key);
  return {
    depth: windows.size > 0 ? WINDOW_DEPTH : usesLast ? 2 : 0,
    names: [...names],
    windows: [...windows.values()],
    usesLast,
  };
}
