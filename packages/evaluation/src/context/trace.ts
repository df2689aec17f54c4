import type { Action } from '@lamplighter/contracts/commands/command';
import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import type { Expression, Scope } from '../expression/expression.js';
import { measured } from '../expression/scope.js';
import type { WindowUse } from '../window/functions.js';

/** The clauses of a rule in the order of their evaluation, as in docs/rules.md. */
export const CLAUSES = [
  'run',
  'enabled',
  'maxAge',
  'cut',
  'settle',
  'deadband',
  'when',
  'clear',
  'quorum',
  'absence',
  'seconds',
  'hold',
  'dwell',
  'quiet',
  'cooldown',
  'loop',
  'emit',
  'reassert',
  'error',
] as const;
export type Clause = (typeof CLAUSES)[number];

/** The result of one clause. */
export interface TraceStep {
  readonly clause: Clause;
  /** False if the clause stops the evaluation or the verdict. */
  readonly passes: boolean;
  /** The evaluated expression. */
  readonly text?: string;
  /** Its result; absent if undecided. */
  readonly value?: boolean | number;
  /** The values of the measurements and windows (`avg(light,10m)`) that the expression uses. */
  readonly values?: Readonly<Record<string, Measurement>>;
  /** What the expression lacks: missing measurements, and windows with too few readings. */
  readonly missing?: readonly string[];
  /** A time or distance and its limit: milliseconds; for `deadband` in the measurement's unit. */
  readonly amount?: number;
  readonly limit?: number;
  /** When it ends, milliseconds on the server's clock. */
  readonly until?: number;
  readonly action?: Action;
  readonly reason?: string;
}

/** Each clause appends its result. Evaluations of live readings have no trace. */
export type Trace = TraceStep[];

/**
 * Evaluates an expression and records it in the trace.
 * @param passes whether the evaluation continues with this value
 */
export function evaluateTraced<T extends boolean | number>(
  clause: Clause,
  expression: Expression<T>,
  scope: Scope,
  trace: Trace | undefined,
  passes: (value: T) => boolean = (value) => value !== false,
): T | undefined {
  const value = expression.evaluate(scope);
  if (trace !== undefined)
    trace.push({
      clause,
      passes: value !== undefined && passes(value),
      text: expression.text,
      value,
      values: mentioned(expression, scope),
      ...(value === undefined && { missing: missingOf(expression, scope) }),
    });
  return value;
}

function missingOf({ names, usesLast, windows }: Expression<boolean | number>, scope: Scope): string[] {
  const isOf = (reading: Scope['reading'] | undefined) => (name: string) =>
    (measured(reading, name) ?? null) === null;
  const inWindows = new Set(windows.map(({ measurement }) => measurement));
  const ofReading = names.filter((name) => !inWindows.has(name) && isOf(scope.reading)(name));
  const ofLast = usesLast ? names.filter(isOf(scope.last)).map((name) => `last.${name}`) : [];
  const ofWindows = windows.filter((use) => scope.window?.compute(use) === undefined);
  // If the current reading lacks a value, missing values of the previous one are noise.
  const before = ofReading.length > 0 ? [] : ofLast;
  return [...ofReading, ...before, ...ofWindows.map(windowName)];
}

function mentioned({ names, usesLast, windows }: Expression<boolean | number>, scope: Scope) {
  const values: Record<string, Measurement> = {};
  for (const name of names) {
    put(values, name, measured(scope.reading, name));
    if (usesLast) put(values, `last.${name}`, measured(scope.last, name));
  }
  for (const use of windows) put(values, windowName(use), scope.window?.compute(use));
  put(values, 'value', scope.value);
  return values;
}

function put(values: Record<string, Measurement>, name: string, value: Measurement | undefined): void {
  if (value !== undefined) values[name] = value;
}

/** The name of a window in evidence and explanations: `avg(light,10m)`. */
export function windowName({ fn, measurement, ms }: WindowUse): string {
  return `${fn}(${measurement},${durationText(ms)})`;
}

/** A duration in the largest unit that divides it: `90s`, `10m`, `250ms`. */
function durationText(ms: number): string {
  for (const [unit, length] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const)
    if (ms >= length && ms % length === 0) return `${ms / length}${unit}`;
  return `${ms}ms`;
}
