import { Environment, EvaluationError } from '@marcbachmann/cel-js';
import { ExpressionFailed } from './errors.js';

/** Limits of the size of an expression, enforced by the parser. */
export const EXPRESSION_LIMITS = {
  maxAstNodes: 500,
  maxDepth: 32,
  maxListElements: 100,
  maxMapEntries: 100,
  maxCallArguments: 8,
} as const;

/**
 * Limits of one evaluation of an expression with loops; the cost of any other expression is bounded by its size. Steps are counted rather
 * than timed, so that the same reading has the same result on a busy machine.
 */
const EXPRESSION_BUDGET = {
  /** Operations in loops: about 5 ms. */
  maxSteps: 100_000,
  /** Longest string (characters) or list (items) that `+` can produce. */
  maxSize: 4096,
} as const;

/** The budget of the current evaluation. Evaluations are synchronous, so there is only one. */
class Budget {
  private steps = 0;

  get isExceeded(): boolean {
    return this.steps < 0;
  }

  begin(): void {
    this.steps = EXPRESSION_BUDGET.maxSteps;
  }

  /** Subtracts steps. Once the budget is exceeded, every further call throws, because `exists` and `||` swallow errors. */
  spend(steps: number): true {
    this.steps -= steps;
    if (this.steps < 0) throw BUDGET_EXCEEDED;
    return true;
  }

  /** For a value that is too large, whatever steps remain. */
  exceed(): never {
    this.steps = -1;
    throw BUDGET_EXCEEDED;
  }
}

export const budget = new Budget();

/** Created once: it can be thrown for each of many items, and its stack is useless. */
export const BUDGET_EXCEEDED = new ExpressionFailed(
  'budget_exceeded',
  'exceeded the step budget: its loops are too expensive for one reading',
);

/** Parses rule expressions. functions.ts lists the functions. */
export const sourceLanguage = new Environment({ unlistedVariablesAreDyn: true, limits: EXPRESSION_LIMITS });

/**
 * The language that expressions are rewritten into (rewrite.ts): CEL in which every number is a double, and functions replace the operators
 * whose cost must be counted. Their names start with `_`, which is reserved in rule expressions.
 */
export const evaluationLanguage = new Environment({
  // The rewritten text has more parentheses and arguments than its source, whose size has been checked.
  limits: {
    maxAstNodes: 50_000,
    maxDepth: 700,
    maxListElements: 100,
    maxMapEntries: 100,
    maxCallArguments: 8,
  },
});

const sync = { async: false };
const add = (signature: string, call: (...args: never[]) => unknown) =>
  evaluationLanguage.registerFunction(signature, call, sync);

add('_quotient(double, double): double', (a: number, b: number) => a / divisor(b));
add('_remainder(double, double): double', (a: number, b: number) => a % divisor(b));
// For expressions with loops: operators whose cost depends on their operands.
add('_step(double): bool', (steps: number) => budget.spend(steps));
add('_sum(dyn, dyn): dyn', sum);
add('_same(dyn, dyn): bool', isSame);
add('_in(dyn, dyn): bool', isIn);
add('_size(string): double', (text: string) => [...text].length);
add('_size(list): double', (list: readonly unknown[]) => list.length);
add('_size(map): double', (object: object) => Object.keys(object).length);
add('_int(double): double', (number: number) => Math.trunc(number));
add('_abs(double): double', (number: number) => Math.abs(number));
add('_floor(double): double', (number: number) => Math.floor(number));
add('_ceil(double): double', (number: number) => Math.ceil(number));
// Rounds halves away from zero, as the math functions of CEL do.
add('_round(double): double', (number: number) => Math.sign(number) * Math.round(Math.abs(number)));
add('_sqrt(double): double', (number: number) => Math.sqrt(number));
add('_least(double, double): double', (a: number, b: number) => Math.min(a, b));
add('_greatest(double, double): double', (a: number, b: number) => Math.max(a, b));

function divisor(number: number): number {
  if (number === 0) throw new ExpressionFailed('error', 'division by zero');
  return number;
}

/** `+`, which in loops could double the length of a string or a list again and again. */
function sum(a: unknown, b: unknown): unknown {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (typeof a === 'string' && typeof b === 'string') {
    if (a.length + b.length > EXPRESSION_BUDGET.maxSize) budget.exceed();
    return a + b;
  }
  if (!Array.isArray(a) || !Array.isArray(b)) throw new EvaluationError('no such overload: +');
  const size = a.length + b.length;
  if (size > EXPRESSION_BUDGET.maxSize) budget.exceed();
  budget.spend(size);
  return [...(a as unknown[]), ...(b as unknown[])];
}

/** `==` of JSON values. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  budget.spend(1);
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => budget.spend(1) && isSame(item, b[i]));
  }
  const keys = Object.keys(a);
  budget.spend(keys.length);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && isSame(Reflect.get(a, key), Reflect.get(b, key)));
}

function isIn(item: unknown, items: unknown): boolean {
  if (Array.isArray(items)) return items.some((one) => budget.spend(1) && isSame(item, one));
  if (typeof items !== 'object' || items === null) throw new EvaluationError('no such overload: in');
  return typeof item === 'string' && Object.hasOwn(items, item);
}
