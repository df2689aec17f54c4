import { durationMs } from '@lamplighter/contracts/duration';
import { RULE_BOUNDS } from '@lamplighter/contracts/rules/rule-bounds';
import type { ASTNode } from '@marcbachmann/cel-js';
import { didYouMean } from '../suggest.js';
import { isWindowFunction, WINDOW_FUNCTIONS, type WindowUse } from '../window/functions.js';
import { ExpressionInvalid } from './errors.js';
import { LOOPS } from './syntax.js';

// The functions of rule expressions, and their names in the evaluation language. Other functions of CEL are rejected: they are not needed, or
// their cost is unbounded.
const FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ['size', '_size'],
  ['int', '_int'],
  ['double', 'double'],
  ['string', 'string'],
]);
const MATH: ReadonlyMap<string, string> = new Map(
  ['abs', 'floor', 'ceil', 'round', 'sqrt', 'least', 'greatest'].map((name) => [name, `_${name}`]),
);
const METHODS = ['contains', 'startsWith', 'endsWith'];

/** The name of a function in the evaluation language. @throws ExpressionInvalid if it is not available */
export function functionNamed(name: string, at: number): string {
  return FUNCTIONS.get(name) ?? reject(name, [...FUNCTIONS.keys(), 'has'], at);
}

/** The same for functions such as `math.abs`. */
export function mathNamed(name: string, at: number): string {
  return MATH.get(name) ?? reject(name, [...MATH.keys()], at, 'math.');
}

/** The same for methods of strings, such as `mode.startsWith("au")`. */
export function methodNamed(name: string, at: number): string {
  if (METHODS.includes(name)) return name;
  if (name === 'matches')
    throw new ExpressionInvalid(
      'matches() is not available because the time for a regular expression is unbounded; use contains(), startsWith() or endsWith()',
      at,
    );
  return reject(name, [...METHODS, ...LOOPS, 'size'], at);
}

/** Parses a call of `window`. Its arguments are constants, so that the windows of a rule are known when it is compiled. */
export function windowUse(fn: string, args: readonly ASTNode[], at: number): WindowUse {
  if (!isWindowFunction(fn)) return reject(fn, Object.keys(WINDOW_FUNCTIONS), at, 'window.');
  const [measurement, time, ...more] = args.map((arg) => (arg.op === 'value' ? arg.args : undefined));
  if (typeof measurement !== 'string' || typeof time !== 'string' || more.length > 0)
    throw new ExpressionInvalid(
      `window.${fn} takes a measurement and a duration, both in quotes: window.${fn}("light", "10m")`,
      at,
    );
  const ms = durationMs(time);
  if (ms === undefined || ms === 0 || ms > RULE_BOUNDS.maxDurationMs)
    throw new ExpressionInvalid(
      `"${time}" is not a valid window; use a duration such as "30s", "10m" or "1h", at most "7d"`,
      args[1]!.start,
    );
  return { fn, measurement, ms };
}

function reject(name: string, known: readonly string[], at: number, of = ''): never {
  throw new ExpressionInvalid(
    `unknown function '${of}${name}'${didYouMean(name, known)}; available: ${known.join(', ')}`,
    at,
  );
}
