/** Longest message and longest stack of an error in a log line, characters. */
const MAX_MESSAGE = 1000;
const MAX_STACK = 4000;

/** What a log line tells of an error. */
export interface ErrorFields {
  readonly type: string;
  readonly message: string;
  readonly code?: string | number;
  readonly stack?: string;
  readonly cause?: ErrorFields;
}

/**
 * An error for a log line: its type, message, code and stack, and nothing else that hangs on it. Errors of the Redis client
 * carry the command with all its arguments, which are payloads, or a password; those of `new URL` the text they were given.
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

/** DEL and C1 controls, line and paragraph separators, and what turns the direction of writing: JSON leaves them as they are. */
const INVISIBLE = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Writes them as JSON could have. */
export function escapeInvisible(json: string): string {
  return json.replace(INVISIBLE, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Credentials by their form, wherever they stand: those of a URL, those of an Authorization header, API keys of ours. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/(:\/\/)[^\s/@"]+@/g, '$1***@'],
  [/\b(Bearer|Basic) +[\w.~+/=-]+/gi, '$1 ***'],
  [/\b(lamp_[0-9a-f]{12}[.])[\w-]{43}/g, '$1***'],
];
/** What V8 says of a text that is no JSON repeats a part of it; the quotes are those of a JSON line. */
const NO_JSON = /Unexpected token .{0,12}, (?:[.]{3})?\\".*?\\"(?:[.]{3})? is not valid JSON/g;

/**
 * The last station of every log line: a line of JSON that has no secret of a known form, no part of a malformed payload, and no
 * character that a terminal would obey. The names of fields are redacted before, in logger.ts; this is for what nobody named.
 */
export function cleanLine(line: string): string {
  let clean = line;
  for (const [form, instead] of SECRETS) clean = clean.replace(form, instead);
  if (clean.includes('is not valid JSON')) clean = clean.replace(NO_JSON, 'the text is not valid JSON');
  return escapeInvisible(clean);
}
