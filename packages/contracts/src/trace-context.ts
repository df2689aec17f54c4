/**
 * Trace context (W3C Trace Context, `traceparent`): `00-<trace id>-<parent id>-<flags>`, 55 characters. Lamplighter records no spans; it
 * passes the caller's `traceparent` on unchanged, so the actions of a device belong to the caller's span.
 */

/** The name of the HTTP header and of the MQTT 5 user property. */
export const TRACEPARENT = 'traceparent';

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NOTHING = /^0+$/;
/** Longer values are not parsed. */
const MAX_LENGTH = 256;

/** Parses a `traceparent`, including those of later versions, as version 00; undefined if it is not valid. Never throws. */
export function parseTraceparent(text: unknown): string | undefined {
  if (typeof text !== 'string' || text.length > MAX_LENGTH) return undefined;
  const [, version, trace = '', parent = '', flags, more] = FORM.exec(text) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (NOTHING.test(trace) || NOTHING.test(parent)) return undefined;
  return `00-${trace}-${parent}-${flags}`;
}

/** The trace id of a parsed `traceparent`: 32 hexadecimal digits, as in logs and tracing tools. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}
