/**
 * Trace context (W3C Trace Context, `traceparent`): `00-<trace id>-<parent id>-<flags>`, 55 characters. It names the trace that
 * somebody else keeps. We record no spans, so it is carried on as it came, and what a device does belongs to the caller's span.
 */

/** The name of the HTTP header and of the MQTT 5 user property. */
export const TRACEPARENT = 'traceparent';

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NOTHING = /^0+$/;
/** More than any version to come will need; what is longer is not looked at. */
const MAX_LENGTH = 256;

/** Reads a `traceparent`, of a later version too, as version 00; undefined if it is none. Never throws. */
export function parseTraceparent(text: unknown): string | undefined {
  if (typeof text !== 'string' || text.length > MAX_LENGTH) return undefined;
  const [, version, trace = '', parent = '', flags, more] = FORM.exec(text) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (NOTHING.test(trace) || NOTHING.test(parent)) return undefined;
  return `00-${trace}-${parent}-${flags}`;
}

/** The trace id of a `traceparent` that was read: 32 hexadecimal digits, as logs and tracing tools show it. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}
