import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { parseTraceparent, TRACEPARENT } from '@lamplighter/contracts/trace-context';

/**
 * The trace of a request: its `traceparent` (W3C Trace Context), or a new one if it has none that is valid. `tracestate` is not
 * passed on.
 */
export function traceOfRequest(headers: IncomingHttpHeaders): string {
  // Flags 00: the new trace is not recorded.
  return parseTraceparent(headers[TRACEPARENT]) ?? `00-${newId(16)}-${newId(8)}-00`;
}

/** Never all zeros, which would be invalid. */
function newId(bytes: number): string {
  const id = randomBytes(bytes);
  id[0]! |= 1;
  return id.toString('hex');
}
