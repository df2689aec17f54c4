import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import type { TraceStep } from '../../context/trace.js';

/** Tense of explanations: of issued commands, or of a dry run. */
export type Mood = 'was' | 'would be';

/** Explains the step of a clause in one sentence. */
export type Sentence = (step: TraceStep, mood: Mood) => string;

/** The sentence of a clause that needs something to last. */
export function lasted({ passes, amount = 0, limit = 0 }: TraceStep, what: string, clause: string): string {
  return passes
    ? `${what} for ${duration(amount)}, at least ${duration(limit)} (${clause})`
    : `${what} for ${duration(amount)} of ${duration(limit)} (${clause})`;
}

const COMPARISON = /^\s*([A-Za-z]\w*)\s*(?:<=|>=|==|!=|<|>)\s*(-?\d+(?:\.\d+)?)\s*$/;

/** The sentence of a clause that evaluates an expression. */
export function expressionSentence({ text = '', value, values = {}, missing = [] }: TraceStep): string {
  const known = listed(values);
  if (value === undefined) {
    const lacking =
      missing.length === 0 ? '' : `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`;
    const reasons = [lacking, known].filter((reason) => reason !== '');
    return `"${text}" was undecided: ${reasons.length === 0 ? 'the reading has none of its names' : reasons.join('; ')}`;
  }
  const outcome = typeof value === 'number' ? `came to ${rounded(value)}` : value ? 'held' : 'did not hold';
  const [, name, limit] = COMPARISON.exec(text) ?? [];
  const measured = name === undefined ? undefined : values[name];
  if (typeof measured === 'number')
    return `${name} was ${rounded(measured)}, ${position(measured, Number(limit))} ${limit}: "${text}" ${outcome}`;
  return known === '' ? `"${text}" ${outcome}` : `"${text}" ${outcome}: ${known}`;
}

function position(value: number, limit: number): string {
  if (value === limit) return 'equal to';
  return value < limit ? 'below' : 'above';
}

/** Longest rendering of one measurement, characters. */
const MAX_VALUE = 80;

/** Measurements and their values: `light was 212, led_on was false`. */
export function listed(values: NonNullable<TraceStep['values']>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} was ${valueText(value)}`)
    .join(', ');
}

/** One measurement, cut if it is long. */
export function valueText(value: Measurement): string {
  const text = typeof value === 'number' ? rounded(value) : JSON.stringify(value);
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text;
}

/** A number of at most nine digits; the evidence has all of them. */
export function rounded(value: number): string {
  return String(Number(value.toPrecision(9)));
}

/** A human-readable duration: `250 ms`, `12.3 s`, `2.5 h`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${tenths(ms / 1000)} s`;
  if (ms < 7_200_000) return `${tenths(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${tenths(ms / 3_600_000)} h`;
  return `${tenths(ms / 86_400_000)} days`;
}

function tenths(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** A time in ISO 8601. */
export function time(ms: number): string {
  return new Date(ms).toISOString();
}
