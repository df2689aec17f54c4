import { Environment, EvaluationError } from '@marcbachmann/cel-js';
import { ExpressionFailed } from './errors.js';

/** How large an expression may be; the parser refuses what is larger. */
export const EXPRESSION_LIMITS = {
  maxAstNodes: 500,
  maxDepth: 32,
  maxListElements: 100,
  maxMapEntries: 100,
  maxCallArguments: 8,
} as const;

/**
 * How much one evaluation of an expression with loops may do; one without is bounded by its size. It is counted rather than
 * timed, so that the same reading always ends in the same way, on a busy machine too.
 */
const EXPRESSION_BUDGET = {
  /** Operations in loops: about 5 ms. */
  maxSteps: 100_000,
  /** Largest text (characters) or list (items) that a `+` may make. */
  maxSize: 4096,
} as const;

/** The budget of the evaluation that is going on. There is never more than one, as none waits for anything. */
class Budget {
  private steps = 0;

  get isExceeded(): boolean {
    return this.steps < 0;
  }

  begin(): void {
    this.steps = EXPRESSION_BUDGET.maxSteps;
  }

  /** Takes steps off. Once they are used up every further call throws, as `exists` and `||` swallow errors. */
  spend(steps: number): true {
    this.steps -= steps;
    if (this.steps < 0) throw BUDGET_EXCEEDED;
    return true;
  }

  /** Of something that is too large whatever is left. */
  exceed(): never {
    this.steps = -1;
    throw BUDGET_EXCEEDED;
  }
}

export const budget = new Budget();

/** Made once: it may be thrown for each of many items, and its stack tells nothing. */
export const BUDGET_EXCEEDED = new ExpressionFailed(
  'budget_exceeded',
  'took too many steps: its loops do more than one reading may cost',
);

/** Parses what people write. Its functions are listed in expression-rewrite.ts. */
export const sourceLanguage = new Environment({ unlistedVariablesAreDyn: true, limits: EXPRESSION_LIMITS });

/**
 * What expressions are rewritten into (expression-rewrite.ts): CEL with every number a double, and with functions in place of
 * the operators that need a watch. Their names begin with `_`, which no name in an expression may.
 */
export const evaluationLanguage = new Environment({
  // The rewritten text has more parentheses and arguments than its source; that was within limits.
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
// Beside loops, the operators whose cost depends on what they are given.
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
// Halves away from zero, as the math functions of CEL have it.
add('_round(double): double', (number: number) => Math.sign(number) * Math.round(Math.abs(number)));
add('_sqrt(double): double', (number: number) => Math.sqrt(number));
add('_least(double, double): double', (a: number, b: number) => Math.min(a, b));
add('_greatest(double, double): double', (a: number, b: number) => Math.max(a, b));

function divisor(number: number): number {
  if (number === 0) throw new ExpressionFailed('error', 'divides by zero');
  return number;
}

/** `+`, which in loops could double a text or a list again and again. */
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

/** `==` of values as they are in JSON. */
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
