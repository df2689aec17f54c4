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
  /** The measurements that it uses: of the reading, of the previous one, or in a window. */
  readonly names: readonly string[];
  readonly usesLast: boolean;
  readonly windows: readonly WindowUse[];
  /**
   * The result; undefined (undecided) if a needed value is missing, null or of the wrong type.
   * @throws ExpressionFailed on division by zero, a result that is not finite, or an exceeded budget
   */
  evaluate(scope: Scope): T | undefined;
}

export interface ExpressionOptions {
  readonly returns: 'bool' | 'number';
  readonly variables: readonly ScopeVariable[];
  /** The declared measurements of the fleet; without a declaration any name is accepted, with any type. */
  readonly schema?: TelemetrySchema | undefined;
}

/**
 * Compiles a CEL expression; docs/rules.md lists the supported subset. CEL terminates and has no side effects, so rule authors need not be
 * trusted.
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
  if (!text.isWellFormed()) throw new ExpressionInvalid('is not valid Unicode');
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
  const expected = returns === 'bool' ? 'bool' : 'double';
  if (type !== expected && type !== 'dyn')
    throw new ExpressionInvalid(
      returns === 'bool'
        ? `must be a boolean, but is ${typeName(type ?? 'dyn')}; add a comparison, as in light < 300`
        : `must be a number, but is ${typeName(type ?? 'dyn')}`,
    );
  return program as Program;
}

/**
 * Whether an expression needs all its variables. With `||`, `&&`, `?:`, `has` or loops it can be decided without some of them.
 */
function isStrict(root: ASTNode): boolean {
  const lenient: readonly ASTNode['op'][] = ['||', '&&', '?:', 'call', 'rcall'];
  return !allNodes(root).some(({ op }) => lenient.includes(op));
}

type Evaluate = (scope: Scope) => unknown;

/** Passes the scope to the program; detects missing values beforehand where that is cheaper than an exception. */
function withContext(program: Program, variables: readonly Variable[], strict: boolean): Evaluate {
  const cheap = variables.filter(({ kind }) => kind !== 'lazy');
  if (variables.length > 0 && variables.every(({ kind }) => kind === 'plain')) {
    const names = cheap.map(({ name }) => name);
    let onNothing: { result: unknown } | undefined;
    return ({ reading }) => {
      const isPresent = (name: string) => reading[name] !== undefined;
      if (strict) return names.every(isPresent) ? run(program, reading) : undefined;
      // Readings without any of the names are common (other kinds of devices), and all have the same result.
      if (names.some(isPresent)) return run(program, reading);
      onNothing ??= { result: run(program, {}) };
      return onNothing.result;
    };
  }
  // One context for all evaluations: they are synchronous.
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
  // An undecided expression throws inside the library; stack traces would be expensive and are not used.
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
    // `exists` and `||` may have swallowed the error, so the result is unreliable.
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
