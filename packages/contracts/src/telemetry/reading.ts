import { isUtf8 } from 'node:buffer';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { z } from 'zod';
import { BOUNDS } from '../bounds.js';
import { isSafeJson } from '../json-value.js';

/**
 * A reading is a JSON object. Keys without a leading underscore are measurements. `_seq` is a strictly increasing integer per device, `_at` the
 * device's time in milliseconds since 1970. `_n` counts the readings that the device has taken, including this one, since its program (or its
 * storage) started, and `_dropped` those that it dropped itself; from both the ledger computes how many were lost in transit. All are
 * optional. Other keys with a leading underscore are reserved: accepted, stored, and not shown as measurements.
 */
export type Measurement = number | boolean | string | null | Measurement[] | { [name: string]: Measurement };
export interface Reading {
  _seq?: number;
  _at?: number;
  _n?: number;
  _dropped?: number;
  [name: string]: Measurement | undefined;
}

/** Why a telemetry message, or one reading of a replay, was rejected. A closed set: it is a metric label. */
export const REJECT_REASONS = [
  'bad_json',
  'schema',
  'too_large',
  'too_deep',
  'binary',
  'clock',
  'topic',
  'sub_topic',
  'identity',
  'unknown_device',
  'device_rate',
  'fleet_rate',
  'new_device_rate',
] as const;
export type RejectReason = (typeof REJECT_REASONS)[number];

/**
 * Why a reading is history, that is, stored but not evaluated. `late`: a newer one had arrived before. `replayed`: part of a replay, but not
 * its newest. `retained`: a retained message, so its age is unknown. `stale`: older than `STALE_MS` on arrival, by the device's clock. A
 * closed set: it is a metric label.
 */
export const HISTORY_REASONS = ['late', 'replayed', 'retained', 'stale'] as const;
export type HistoryReason = (typeof HISTORY_REASONS)[number];

/** The default `maxAge` of rules, milliseconds. */
export const STALE_MS = 30_000;

/** A valid reading and the JSON text that is stored for it. */
export interface ParsedReading {
  readonly reading: Reading;
  readonly json: string;
}

/** A rejected reading, or a rejected message. `seq` is its `_seq`, if valid. */
export interface RejectedReading {
  readonly reason: RejectReason;
  readonly seq?: number;
}

/** The result of parsing a telemetry payload: readings in the order of arrival, and a reason for each rejected one. */
export interface ParsedTelemetry {
  readonly readings: ParsedReading[];
  readonly rejected: RejectedReading[];
  /** The payload contains a number beyond 2^53, possibly an integer that is not kept exactly. */
  readonly huge?: true;
}

const scalar = z.union([z.number(), z.boolean(), z.string().max(BOUNDS.maxStringLength), z.null()]);
const nested = (inner: z.ZodType): z.ZodType =>
  z.union([
    scalar,
    // `maxProperties` is for the compiled check; zod cannot bound records.
    z.record(z.string().max(BOUNDS.maxNameLength), inner).meta({ maxProperties: BOUNDS.maxKeys }),
    z.array(inner).max(BOUNDS.maxKeys),
  ]);

function measurementSchema(levels: number): z.ZodType {
  return levels <= 1 ? scalar : nested(measurementSchema(levels - 1));
}

/** The schema of a reading, from which the compiled check of the hot path and the API documents are generated. */
export const readingSchema = z
  .object({
    _seq: z.int().min(0).optional(),
    _at: z.int().min(0).optional(),
    _n: z.int().min(1).optional(),
    _dropped: z.int().min(0).optional(),
  })
  .catchall(measurementSchema(BOUNDS.maxDepth));

// `strictNumbers` rejects Infinity, which JSON.parse returns for 1e999.
const ajv = new Ajv2020({ strict: false, strictNumbers: true, validateFormats: false });
const isReading = ajv.compile<Reading>(withoutUnions(z.toJSONSchema(readingSchema)));

/**
 * JSON text that can contain a forbidden key or a lone surrogate, possibly escaped; other text skips the slow check. The compiled check
 * accepts an own `__proto__`.
 */
const SUSPECT = /\\u|__proto__|constructor|prototype/;

/**
 * Parses a telemetry payload: one reading (an object), or a replay of up to 500 (an array of objects). Never throws.
 * @param now server time, milliseconds; the bounds of `_at` are relative to it
 */
export function parseTelemetry(payload: Buffer, now: number): ParsedTelemetry {
  if (payload.length > BOUNDS.maxPayloadBytes) return rejectMessage('too_large');
  if (!isUtf8(payload)) return rejectMessage('binary');
  const text = payload.toString();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return rejectMessage('bad_json');
  }
  if (Array.isArray(value)) return parseReplay(value, text, now);
  if (payload.length > BOUNDS.maxReadingBytes) return rejectMessage('too_large');
  const reason = checkReading(value, text, now);
  if (reason !== undefined) return rejectMessage(reason, value);
  const members = new MemberCount(value);
  if (members.hasDuplicates(text)) return rejectMessage('bad_json', value);
  const readings = [{ reading: value as Reading, json: text }];
  return members.huge ? { readings, rejected: [], huge: true } : { readings, rejected: [] };
}

function parseReplay(values: unknown[], text: string, now: number): ParsedTelemetry {
  if (values.length > BOUNDS.maxReplay) return rejectMessage('too_large');
  if (values.length === 0) return rejectMessage('schema');
  // The depth comes first: it is computed without recursion, and bounds the recursion of the other checks.
  const isShallow = depth(text) <= BOUNDS.maxDepth + 1;
  const members = isShallow ? new MemberCount(values) : undefined;
  const isTidy = members !== undefined && !members.hasDuplicates(text);
  const texts = isTidy ? undefined : itemsOf(text);
  const parsed: ParsedTelemetry = { readings: [], rejected: [] };
  for (const [i, value] of values.entries()) {
    const json = texts?.[i] ?? JSON.stringify(value);
    const tooLarge = Buffer.byteLength(json) > BOUNDS.maxReadingBytes;
    let reason = tooLarge ? 'too_large' : checkReading(value, json, now);
    if (reason === undefined && !isTidy && new MemberCount(value).hasDuplicates(json)) reason = 'bad_json';
    if (reason === undefined) parsed.readings.push({ reading: value as Reading, json });
    else parsed.rejected.push(rejectedReading(reason, value));
  }
  return members?.huge ? { ...parsed, huge: true } : parsed;
}

/** The JSON texts of the items of a JSON array, to check each reading of a replay separately. */
export function itemsOf(text: string): string[] {
  const items: string[] = [];
  let level = 0;
  let start = text.indexOf('[') + 1;
  walkOutsideStrings(text, (char, at) => {
    if (char === '{' || char === '[') level += 1;
    else if (char === '}' || char === ']') level -= 1;
    if ((char !== ',' || level !== 1) && level !== 0) return;
    if (char === ',' || char === ']') items.push(text.slice(start, at).trim());
    start = at + 1;
  });
  return items;
}

function checkReading(value: unknown, text: string, now: number): RejectReason | undefined {
  if (!isReading(value)) return depth(text) > BOUNDS.maxDepth ? 'too_deep' : 'schema';
  let keys = 0;
  for (const key in value) {
    keys += 1;
    if (key.length > BOUNDS.maxNameLength) return 'schema';
  }
  if (keys === 0 || keys > BOUNDS.maxKeys) return 'schema';
  if (SUSPECT.test(text) && !isSafeJson(value, BOUNDS.maxDepth)) return 'schema';
  const at = value._at;
  if (at !== undefined && (at > now + BOUNDS.maxClockAheadMs || at < now - BOUNDS.maxClockBehindMs))
    return 'clock';
  return undefined;
}

/** Counts the members of all objects in a value, and detects numbers beyond 2^53. */
class MemberCount {
  huge = false;
  private readonly members: number;

  constructor(value: unknown) {
    this.members = this.count(value);
  }

  /** Whether an object in the text has a duplicate key, which JSON.parse drops: each member has one colon, so the counts differ. */
  hasDuplicates(text: string): boolean {
    let colons = 0;
    for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) colons += 1;
    return colons !== this.members && colonsOutsideStrings(text) !== this.members;
  }

  private count(value: unknown): number {
    if (typeof value !== 'object' || value === null) return 0;
    let members = 0;
    if (Array.isArray(value)) {
      for (const item of value) {
        if (typeof item === 'number') this.checkSize(item);
        else members += this.count(item);
      }
      return members;
    }
    for (const key in value) {
      const inner: unknown = (value as Record<string, unknown>)[key];
      members += 1;
      if (typeof inner === 'number') this.checkSize(inner);
      else if (typeof inner === 'object') members += this.count(inner);
    }
    return members;
  }

  private checkSize(number: number): void {
    if (number > Number.MAX_SAFE_INTEGER || number < Number.MIN_SAFE_INTEGER) this.huge = true;
  }
}

function colonsOutsideStrings(text: string): number {
  let colons = 0;
  walkOutsideStrings(text, (char) => {
    if (char === ':') colons += 1;
  });
  return colons;
}

/** Nesting of a JSON text, without recursion. */
export function depth(text: string): number {
  let level = 0;
  let deepest = 0;
  walkOutsideStrings(text, (char) => {
    if (char === '{' || char === '[') deepest = Math.max(deepest, ++level);
    else if (char === '}' || char === ']') level -= 1;
  });
  return deepest;
}

function walkOutsideStrings(text: string, visit: (char: string, at: number) => void): void {
  let inString = false;
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i]!;
    if (inString && char === '\\') i += 1;
    else if (char === '"') inString = !inString;
    else if (!inString) visit(char, i);
  }
}

function rejectMessage(reason: RejectReason, value?: unknown): ParsedTelemetry {
  return { readings: [], rejected: [rejectedReading(reason, value)] };
}

function rejectedReading(reason: RejectReason, value: unknown): RejectedReading {
  const seq: unknown =
    typeof value === 'object' && value !== null && '_seq' in value ? value._seq : undefined;
  return typeof seq === 'number' && Number.isSafeInteger(seq) && seq >= 0 ? { reason, seq } : { reason };
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

/**
 * The same schema with each union as one list of types. The branches have different types, and a keyword applies to values of its own type
 * only, so they can be merged. Ajv would try the branches one by one and create an error for each that does not match.
 */
function withoutUnions(schema: JsonSchema): JsonSchema {
  const { anyOf, ...rest } = schema;
  if (anyOf !== undefined) {
    const branches = anyOf.map((branch) => withoutUnions(branch as JsonSchema));
    const type = branches.flatMap((branch) => branch.type ?? []);
    return Object.assign(rest, ...branches, { type });
  }
  const within = (inner: typeof schema.items) =>
    typeof inner === 'object' && !Array.isArray(inner) ? withoutUnions(inner as JsonSchema) : inner;
  return {
    ...rest,
    ...(rest.items !== undefined && { items: within(rest.items) }),
    ...(rest.additionalProperties !== undefined && {
      additionalProperties: within(rest.additionalProperties as typeof schema.items),
    }),
  } as JsonSchema;
}
