import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { parseTraceparent, TRACEPARENT } from '@lamplighter/contracts/trace-context';

/**
 * The trace that a request belongs to: its `traceparent`, as W3C Trace Context has it, or a new one if it has none that is valid.
 * `tracestate` is for the tools along the way of a request, and ends here.
 */
export function traceOfRequest(headers: IncomingHttpHeaders): string {
  // Flags 00: nobody has recorded this beginning.
  return parseTraceparent(headers[TRACEPARENT]) ?? `00-${newId(16)}-${newId(8)}-00`;
}

/** Never all zeros, which would be no id. */
function newId(bytes: number): string {
  const id = randomBytes(bytes);
  id[0]! |= 1;
  return id.toString('hex');
}
