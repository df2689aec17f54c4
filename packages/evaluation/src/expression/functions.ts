import { durationMs } from '@lamplighter/contracts/duration';
import { RULE_BOUNDS } from '@lamplighter/contracts/rules/rule-bounds';
import type { ASTNode } from '@marcbachmann/cel-js';
import { didYouMean } from '../suggest.js';
import { isWindowFunction, WINDOW_FUNCTIONS, type WindowUse } from '../window/functions.js';
import { ExpressionInvalid } from './errors.js';
import { LOOPS } from './syntax.js';

// What people may call, and what becomes of it. Everything else of CEL is refused: it is not needed, or has no bound.
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

/** The name of a function in the evaluation language. @throws ExpressionInvalid if people may not call it */
export function functionNamed(name: string, at: number): string {
  return FUNCTIONS.get(name) ?? refuse(name, [...FUNCTIONS.keys(), 'has'], at);
}

/** The same for `math.abs` and its like. */
export function mathNamed(name: string, at: number): string {
  return MATH.get(name) ?? refuse(name, [...MATH.keys()], at, 'math.');
}

/** The same for functions of a text, such as `mode.startsWith("au")`. */
export function methodNamed(name: string, at: number): string {
  if (METHODS.includes(name)) return name;
  if (name === 'matches')
    throw new ExpressionInvalid(
      'matches() is not available, as a regular expression may take forever; use contains(), startsWith() or endsWith()',
      at,
    );
  return refuse(name, [...METHODS, ...LOOPS, 'size'], at);
}

/** What a call of `window` asks for. Its arguments are constants, so that everything about them is known beforehand. */
export function windowUse(fn: string, args: readonly ASTNode[], at: number): WindowUse {
  if (!isWindowFunction(fn)) return refuse(fn, Object.keys(WINDOW_FUNCTIONS), at, 'window.');
  const [measurement, time, ...more] = args.map((arg) => (arg.op === 'value' ? arg.args : undefined));
  if (typeof measurement !== 'string' || typeof time !== 'string' || more.length > 0)
    throw new ExpressionInvalid(
      `window.${fn} needs a measurement and a time, both in quotes: window.${fn}("light", "10m")`,
      at,
    );
  const ms = durationMs(time);
  if (ms === undefined || ms === 0 || ms > RULE_BOUNDS.maxDurationMs)
    throw new ExpressionInvalid(
      `"${time}" is no time that a window may span; write "30s", "10m", "1h", at most "7d"`,
      args[1]!.start,
    );
  return { fn, measurement, ms };
}

function refuse(name: string, known: readonly string[], at: number, of = ''): never {
  throw new ExpressionInvalid(
    `unknown function '${of}${name}'${didYouMean(name, known)}; there are ${known.join(', ')}`,
    at,
  );
}
