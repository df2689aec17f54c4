/** Longest message and longest stack of an error in a log line, characters. */
const MAX_MESSAGE = 1000;
const MAX_STACK = 4000;

/** The fields of an error in a log line. */
export interface ErrorFields {
  readonly type: string;
  readonly message: string;
  readonly code?: string | number;
  readonly stack?: string;
  readonly cause?: ErrorFields;
}

/**
 * The type, message, code and stack of an error. Other properties are omitted: errors of the Redis client contain the command with its
 * arguments, which can be payloads or a password, and errors of `new URL` contain the input.
 */
export function errorFields(error: unknown, depth = 0): ErrorFields {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error).slice(0, MAX_MESSAGE) };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: error.message.slice(0, MAX_MESSAGE),
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    ...(error.stack !== undefined && { stack: error.stack.slice(0, MAX_STACK) }),
    ...(error.cause !== undefined && depth < 3 && { cause: errorFields(error.cause, depth + 1) }),
  };
}

/** DEL and C1 controls, line and paragraph separators, and bidirectional controls, which JSON does not escape. */
const INVISIBLE = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Escapes invisible characters in a JSON text. */
export function escapeInvisible(json: string): string {
  return json.replace(INVISIBLE, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Credentials by their format: in URLs and Authorization headers, and API keys of Lamplighter. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/(:\/\/)[^\s/@"]+@/g, '$1***@'],
  [/\b(Bearer|Basic) +[\w.~+/=-]+/gi, '$1 ***'],
  [/\b(lamp_[0-9a-f]{12}[.])[\w-]{43}/g, '$1***'],
];
/** V8's message for invalid JSON, which quotes a part of the input; the quotes are escaped as in a JSON line. */
const JSON_ERROR = /Unexpected token .{0,12}, (?:[.]{3})?\\".*?\\"(?:[.]{3})? is not valid JSON/g;

/**
 * Removes secrets of a known format, parts of malformed payloads and terminal control characters from a JSON log line. logger.ts redacts
 * fields by name; this covers everything else.
 */
export function cleanLine(line: string): string {
  let clean = line;
  for (const [pattern, replacement] of SECRETS) clean = clean.replace(pattern, replacement);
  if (clean.includes('is not valid JSON')) clean = clean.replace(JSON_ERROR, 'the text is not valid JSON');
  return escapeInvisible(clean);
}
