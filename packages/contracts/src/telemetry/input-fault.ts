import { isUtf8 } from 'node:buffer';
import { pointerOf } from '../schema-problem.js';
import { jsonFault } from './json-scan.js';
import { REJECT_REASONS, type RejectReason } from './reading.js';

/**
 * The kinds of rejected or suspicious input. The reason is counted for every message; the sentence is composed only for samples, because
 * it is expensive.
 */
export const INPUT_KINDS = [
  'telemetry',
  'presence',
  'acknowledgement',
  'edge',
  'topic',
  'connection',
] as const;
/**
 * `edge`: a report of decisions taken at the edge, inside a reading that is itself accepted. `topic`: a message on a misspelt topic.
 * `connection`: the broker closed a connection.
 */
export type InputKind = (typeof INPUT_KINDS)[number];

/** Why input was rejected. A closed set: it is a metric label. */
export const INPUT_REASONS = [
  ...REJECT_REASONS,
  /** An acknowledgement with the `id` of an unknown command, or of a command of another device. */
  'unknown_command',
  /** A second client connected with the same client id. */
  'takeover',
  /** The broker could not read a packet. */
  'protocol',
] as const;
export type InputReason = (typeof INPUT_REASONS)[number];

/** Why accepted input is probably a mistake. A closed set: it is a metric label. */
export const SUSPICIONS = [
  /** A string where a rule needs a number, or a value of a different type than the fleet's telemetry schema declares. */
  'type',
  /** An integer above 2^53-1. */
  'inexact',
] as const;
export type Suspicion = (typeof SUSPICIONS)[number];

/** The fault of an input. `field` is a JSON pointer (RFC 6901); `problem` a sentence. */
export interface InputFault<Reason extends string = InputReason> {
  readonly reason: Reason;
  readonly field?: string;
  readonly problem: string;
}

/** Why a payload is not JSON of the allowed size. */
type PayloadReason = Extract<RejectReason, 'too_large' | 'binary' | 'bad_json'>;

/** Parses a JSON payload of at most `maxBytes`, or returns why it is rejected. Never throws. */
export function readJson(
  payload: Buffer,
  maxBytes: number,
): { readonly value: unknown } | { readonly rejected: PayloadReason } {
  if (payload.length > maxBytes) return { rejected: 'too_large' };
  if (!isUtf8(payload)) return { rejected: 'binary' };
  try {
    return { value: JSON.parse(payload.toString()) };
  } catch {
    return { rejected: 'bad_json' };
  }
}

/** Why a payload was rejected. Cheap: called for every rejected message. */
export function reasonOf(payload: Buffer, maxBytes: number): PayloadReason | 'schema' {
  const json = readJson(payload, maxBytes);
  return 'rejected' in json ? json.rejected : 'schema';
}

/** Explains why a payload is not JSON of the allowed size; undefined if it is. */
export function payloadFault(payload: Buffer, maxBytes: number): InputFault<PayloadReason> | undefined {
  if (payload.length > maxBytes)
    return {
      reason: 'too_large',
      problem: `the payload has ${count(payload.length)} bytes, at most ${count(maxBytes)}`,
    };
  const text = payload.toString();
  if (!isUtf8(payload))
    return {
      reason: 'binary',
      problem: `the payload is not UTF-8 text (from character ${text.indexOf('\ufffd') + 1} on)`,
    };
  const json = jsonFault(text);
  if (json === undefined) return undefined;
  if (text.trim() === '') return { reason: 'bad_json', problem: 'the payload is empty' };
  return { reason: 'bad_json', problem: `invalid JSON at character ${json.at + 1}: ${json.problem}` };
}

/** A fault at a path. */
export function schemaFault(path: readonly PropertyKey[], problem: string): InputFault<'schema'> {
  return { reason: 'schema', ...(path.length > 0 && { field: pointerOf(path) }), problem };
}

/** Explains why a value is not an integer of at least `min`; undefined if it is. `path` ends with the name of the value. */
export function integerProblem(
  path: readonly PropertyKey[],
  value: unknown,
  min: number,
  what = 'an integer',
): string | undefined {
  const name = nameOf(path);
  if (typeof value !== 'number') return `${name} must be ${what}, not ${describeValue(value)}`;
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER)
    return `${name} is ${value > 0 ? 'larger than 2^53-1' : 'less than -(2^53-1)'} and cannot be kept exactly`;
  if (!Number.isInteger(value)) return `${name} must be ${what}, not ${value}`;
  return value < min ? `${name} is ${value}, at least ${min}` : undefined;
}

/** A path as it appears in a message. */
export function nameOf(path: readonly PropertyKey[]): string {
  return `\`${path.map(String).join('.').slice(0, 100)}\``;
}

/** A JSON value as it appears in a message. */
export function describeValue(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') {
    const short = value.length > 40 ? `${value.slice(0, 40).toWellFormed()}…` : value.toWellFormed();
    return `the string ${JSON.stringify(short)}`;
  }
  return typeof value === 'object' ? 'an object' : String(value);
}

/** A number with thousands separators: `262,144`. */
export function count(number: number): string {
  return number.toLocaleString('en-US');
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
