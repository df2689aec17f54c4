import { BOUNDS } from '../bounds.js';
import { FORBIDDEN_KEYS } from '../json-value.js';
import { pointerOf } from '../schema-problem.js';
import {
  count,
  describeValue,
  type InputFault,
  integerProblem,
  isObject,
  nameOf,
  payloadFault,
  schemaFault,
} from './input-fault.js';
import { inexactInteger } from './json-scan.js';
import { depth, itemsOf, type RejectReason } from './reading.js';

type ReadingFault = InputFault<RejectReason>;
type Path = readonly (string | number)[];

/**
 * Explains why `parseTelemetry` rejected a payload, for a replay by its first invalid reading; undefined if it is valid. More expensive than
 * parsing, but bounded by the size of the payload.
 */
export function telemetryFault(payload: Buffer, now: number): ReadingFault | undefined {
  const unparsed = payloadFault(payload, BOUNDS.maxPayloadBytes);
  // JSON.parse accepts duplicate keys. If the reading has another fault too, that one is reported.
  const isTwice = unparsed?.reason === 'bad_json' && parses(payload);
  if (unparsed !== undefined && !isTwice) return unparsed;
  const value: unknown = JSON.parse(payload.toString());
  if (!Array.isArray(value)) return readingFault(value, payload.toString(), now, []) ?? unparsed;
  if (value.length === 0) return schemaFault([], 'a replay needs at least one reading; the list is empty');
  if (value.length > BOUNDS.maxReplay)
    return {
      reason: 'too_large',
      problem: `a replay of ${count(value.length)} readings, at most ${BOUNDS.maxReplay}`,
    };
  const text = payload.toString();
  const texts = depth(text) > BOUNDS.maxDepth + 1 ? itemsOf(text) : undefined;
  for (const [i, reading] of value.entries()) {
    const fault = readingFault(reading, texts?.[i] ?? JSON.stringify(reading), now, [i]);
    if (fault !== undefined)
      return { ...fault, problem: `reading ${i + 1} of ${value.length}: ${fault.problem}` };
  }
  return unparsed;
}

/**
 * Explains which integer of an accepted payload is not kept exactly; undefined if there is none. Numbers with a fraction or an exponent are
 * not expected to be exact.
 */
export function inexactFault(payload: Buffer): InputFault<'inexact'> | undefined {
  const found = inexactInteger(payload.toString());
  if (found === undefined) return undefined;
  const { path, literal } = found;
  return {
    reason: 'inexact',
    field: pointerOf(path),
    problem:
      `${nameOf(path)} is ${literal.slice(0, 40)}, beyond 2^53-1: it is read as ${BigInt(Number(literal))}; ` +
      'send it as a string to keep all digits',
  };
}

function parses(payload: Buffer): boolean {
  try {
    JSON.parse(payload.toString());
    return true;
  } catch {
    return false;
  }
}

/** @param path of the reading: empty, or its place in a replay */
function readingFault(reading: unknown, text: string, now: number, path: Path): ReadingFault | undefined {
  const bytes = Buffer.byteLength(text);
  if (bytes > BOUNDS.maxReadingBytes)
    return {
      reason: 'too_large',
      problem: `a reading of ${count(bytes)} bytes, at most ${count(BOUNDS.maxReadingBytes)}`,
    };
  const fault = shapeFault(reading, path, now);
  if (fault === undefined) return isObject(reading) ? clockFault(reading._at, path, now) : undefined;
  if (depth(text) <= BOUNDS.maxDepth) return fault;
  return {
    reason: 'too_deep',
    problem: `${count(depth(text))} levels of nesting, at most ${BOUNDS.maxDepth}`,
  };
}

function shapeFault(reading: unknown, path: Path, now: number): ReadingFault | undefined {
  if (!isObject(reading))
    return schemaFault(path, `a reading must be a JSON object, not ${describeValue(reading)}`);
  const keys = Object.keys(reading);
  if (keys.length === 0) return schemaFault(path, 'the reading is empty; it needs at least one key');
  if (keys.length > BOUNDS.maxKeys)
    return schemaFault(path, `the reading has ${count(keys.length)} keys, at most ${BOUNDS.maxKeys}`);
  for (const key of keys) {
    const at = [...path, key];
    const problem = key === '_at' ? timeProblem(reading[key], now) : countProblem(key, reading[key]);
    if (problem !== undefined) return schemaFault(at, problem);
    const fault = nameFault(key, at) ?? valueFault(reading[key], at, path.length + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** The protocol's counters, with their minimum values. */
const COUNTS: Readonly<Record<string, number>> = { _seq: 0, _n: 1, _dropped: 0 };

function countProblem(key: string, value: unknown): string | undefined {
  return Object.hasOwn(COUNTS, key) ? integerProblem([key], value, COUNTS[key]!) : undefined;
}

const TIME = 'an integer, milliseconds since 1970';

function timeProblem(at: unknown, now: number): string | undefined {
  const other = typeof at === 'number' ? otherUnit(at, now) : undefined;
  const problem = integerProblem(['_at'], at, 0, TIME);
  return problem !== undefined && other !== undefined ? looksLike(other) : problem;
}

const looksLike = (unit: string) => `\`_at\` looks like ${unit}, expected milliseconds`;

/** The unit in which a time is within a year of now. */
function otherUnit(at: number, now: number): string | undefined {
  const isPlausible = (ms: number) => Math.abs(ms - now) < 365 * 86_400_000;
  if (isPlausible(at * 1000)) return 'seconds';
  if (isPlausible(at / 1000)) return 'microseconds';
  return isPlausible(at / 1e6) ? 'nanoseconds' : undefined;
}

function clockFault(at: unknown, path: Path, now: number): ReadingFault | undefined {
  if (typeof at !== 'number') return undefined;
  const field = schemaFault([...path, '_at'], '').field!;
  const [ahead, behind] = [at - now, now - at];
  if (ahead <= BOUNDS.maxClockAheadMs && behind <= BOUNDS.maxClockBehindMs) return undefined;
  const other = otherUnit(at, now);
  if (other !== undefined) return { reason: 'clock', field, problem: looksLike(other) };
  const problem =
    ahead > 0
      ? `\`_at\` is ${roughly(ahead)} ahead of server time, at most ${roughly(BOUNDS.maxClockAheadMs)}`
      : `\`_at\` is ${roughly(behind)} behind server time, at most ${roughly(BOUNDS.maxClockBehindMs)}`;
  return { reason: 'clock', field, problem };
}

/** A duration in its largest unit: `3 h`, `1.5 min`. */
function roughly(ms: number): string {
  for (const [unit, length] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
  ] as const)
    if (ms >= length) return `${count(Math.round((ms / length) * 10) / 10)} ${unit}`;
  return `${count(Math.round(ms / 100) / 10)} s`;
}

function nameFault(name: string, path: Path): ReadingFault | undefined {
  if (name.length > BOUNDS.maxNameLength)
    return schemaFault(path, `a name of ${count(name.length)} characters, at most ${BOUNDS.maxNameLength}`);
  if (FORBIDDEN_KEYS.has(name)) return schemaFault(path, `${nameOf([name])} is not allowed as a name`);
  return name.isWellFormed() ? undefined : schemaFault(path, `a name with ${HALF}`);
}

const HALF = 'half of a surrogate pair, such as \\ud800';

/** @param level of the containing value; the reading is level 1 */
function valueFault(value: unknown, path: Path, level: number): ReadingFault | undefined {
  const name = nameOf(path);
  if (typeof value === 'string') {
    if (value.length > BOUNDS.maxStringLength)
      return schemaFault(
        path,
        `${name} is a string of ${count(value.length)} characters, at most ${count(BOUNDS.maxStringLength)}`,
      );
    return value.isWellFormed() ? undefined : schemaFault(path, `${name} holds ${HALF}`);
  }
  if (typeof value === 'number')
    return Number.isFinite(value) ? undefined : schemaFault(path, `${name} is larger than any double`);
  if (typeof value !== 'object' || value === null) return undefined;
  // The caller reports the depth of the whole reading instead.
  if (level > BOUNDS.maxDepth) return schemaFault(path, `${name} is nested too deep`);
  const entries: readonly [string | number, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  if (entries.length > BOUNDS.maxKeys) {
    const what = Array.isArray(value) ? 'a list of' : 'an object with';
    const unit = Array.isArray(value) ? 'items' : 'keys';
    return schemaFault(
      path,
      `${name} is ${what} ${count(entries.length)} ${unit}, at most ${BOUNDS.maxKeys}`,
    );
  }
  for (const [key, inner] of entries) {
    const at = [...path, key];
    const fault =
      (typeof key === 'string' ? nameFault(key, at) : undefined) ?? valueFault(inner, at, level + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
