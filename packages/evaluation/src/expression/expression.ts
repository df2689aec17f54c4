import type { TelemetrySchema } from '@lamplighter/contracts/telemetry/telemetry-schema';
import { type ASTNode, type Environment, EvaluationError, ParseError } from '@marcbachmann/cel-js';
import type { WindowUse } from '../window/functions.js';
import { ExpressionFailed, ExpressionInvalid } from './errors.js';
import { BUDGET_EXCEEDED, budget, evaluationLanguage, sourceLanguage } from './language.js';
import { mistakeIn } from './mistakes.js';
import { Rewriter } from './rewrite.js';
import type { Scope, ScopeVariable } from './scope.js';
import { allNodes } from './syntax.js';
import { type Variable, Variables } from './variables.js';
import { isUndecided, rewordError, typeName } from './words.js';

export { ExpressionFailed, ExpressionInvalid } from './errors.js';
export type { Scope, ScopeVariable } from './scope.js';

/** A compiled expression. */
export interface Expression<T> {
  readonly text: string;
  /** The measurements that it mentions: of the reading, of the one before it, or in a window. */
  readonly names: readonly string[];
  readonly usesLast: boolean;
  readonly windows: readonly WindowUse[];
  /**
   * The result; undefined if the reading does not say: what is needed is missing, null or of another type.
   * @throws ExpressionFailed a division by zero, a result that is no finite number, a budget used up
   */
  evaluate(scope: Scope): T | undefined;
}

export interface ExpressionOptions {
  readonly returns: 'bool' | 'number';
  readonly variables: readonly ScopeVariable[];
  /** Names and types of the measurements, if the fleet has declared them; otherwise any name is accepted, with any type. */
  readonly schema?: TelemetrySchema | undefined;
}

/**
 * Compiles a CEL expression (docs/rules.md says which part of CEL).
 * CEL always ends and has no side effects, so the authors of rules need not be trusted with a program.
 * @throws ExpressionInvalid
 */
export function compileExpression(
  text: string,
  options: ExpressionOptions & { readonly returns: 'bool' },
): Expression<boolean>;
export function compileExpression(
  text: string,
  options: ExpressionOptions & { readonly returns: 'number' },
): Expression<number>;
export function compileExpression(text: string, options: ExpressionOptions): Expression<boolean | number>;
export function compileExpression(text: string, options: ExpressionOptions): Expression<boolean | number> {
  const root = parsed(sourceLanguage, text).ast;
  const variables = new Variables(options.variables, options.schema);
  const rewriter = new Rewriter(root, variables);
  const program = compile(rewriter, variables.all, options.returns);
  const evaluated = withContext(program, variables.all, isStrict(root));
  const evaluate = rewriter.hasLoops ? withBudget(evaluated) : evaluated;
  const { names, usesLast, windows } = variables;
  return {
    text,
    names: [...names],
    usesLast,
    windows,
    evaluate: options.returns === 'bool' ? asBoolean(evaluate) : asNumber(evaluate),
  };
}

function parsed(language: Environment, text: string) {
  if (!text.isWellFormed()) throw new ExpressionInvalid('is no valid Unicode');
  try {
    return language.parse(text);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const mistake = language === sourceLanguage ? mistakeIn(text) : undefined;
    throw mistake ?? new ExpressionInvalid(rewordError(error), error.range?.start);
  }
}

type Program = (context: object) => unknown;

function compile(rewriter: Rewriter, variables: readonly Variable[], returns: 'bool' | 'number'): Program {
  const language = evaluationLanguage.clone();
  for (const { name, type } of variables) language.registerVariable(name, type);
  const program = parsed(language, rewriter.text);
  const { valid, type, error } = program.check();
  if (!valid) {
    const at = error?.range && rewriter.placeOf(error.range.start);
    throw new ExpressionInvalid(error === undefined ? 'does not type-check' : rewordError(error), at);
  }
  const wanted = returns === 'bool' ? 'bool' : 'double';
  if (type !== wanted && type !== 'dyn')
    throw new ExpressionInvalid(
      returns === 'bool'
        ? `must be true or false, but is ${typeName(type ?? 'dyn')}; compare it with something, as in light < 300`
        : `must be a number, but is ${typeName(type ?? 'dyn')}`,
    );
  return program as Program;
}

/**
 * Whether an expression needs everything that it mentions. With `||`, `&&`, `?:`, `has` or loops it may know without.
 */
function isStrict(root: ASTNode): boolean {
  const lenient: readonly ASTNode['op'][] = ['||', '&&', '?:', 'call', 'rcall'];
  return !allNodes(root).some(({ op }) => lenient.includes(op));
}

type Evaluate = (scope: Scope) => unknown;

/** Hands the scope to the program, and sees cheaply what it would find out only by throwing. */
function withContext(program: Program, variables: readonly Variable[], strict: boolean): Evaluate {
  const cheap = variables.filter(({ kind }) => kind !== 'lazy');
  if (variables.length > 0 && variables.every(({ kind }) => kind === 'plain')) {
    const names = cheap.map(({ name }) => name);
    let onNothing: { result: unknown } | undefined;
    return ({ reading }) => {
      const isPresent = (name: string) => reading[name] !== undefined;
      if (strict) return names.every(isPresent) ? run(program, reading) : undefined;
      // A reading without any of the names is common (other kinds of devices), and there is one answer to all of them.
      if (names.some(isPresent)) return run(program, reading);
      onNothing ??= { result: run(program, {}) };
      return onNothing.result;
    };
  }
  // One context for all evaluations: none waits for anything, so there is never more than one.
  let current: Scope = { reading: {} };
  const context = {};
  for (const { name, read } of variables) Object.defineProperty(context, name, { get: () => read(current) });
  return (scope) => {
    if (strict) for (const { read } of cheap) if (read(scope) === undefined) return undefined;
    current = scope;
    return run(program, context);
  };
}

function run(program: Program, context: object): unknown {
  // An expression that finds out by an error that the reading does not say is no news: nobody looks at the stack.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return program(context);
  } catch (error) {
    if (error instanceof EvaluationError && isUndecided(error.code)) return undefined;
    if (error instanceof ExpressionFailed) throw error;
    throw new ExpressionFailed('error', error instanceof EvaluationError ? error.summary : String(error));
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function withBudget(evaluate: Evaluate): Evaluate {
  return (scope) => {
    budget.begin();
    const result = evaluate(scope);
    // `exists` and `||` may have swallowed the error; the answer cannot be relied on.
    if (budget.isExceeded) throw BUDGET_EXCEEDED;
    return result;
  };
}

function asBoolean(evaluate: Evaluate): (scope: Scope) => boolean | undefined {
  return (scope) => {
    const result = evaluate(scope);
    return typeof result === 'boolean' ? result : undefined;
  };
}

function asNumber(evaluate: Evaluate): (scope: Scope) => number | undefined {
  return (scope) => {
    const result = evaluate(scope);
    if (typeof result !== 'number') return undefined;
    if (!Number.isFinite(result)) throw new ExpressionFailed('error', `the result is ${result}`);
    return result;
  };
}
