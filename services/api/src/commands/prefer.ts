import type { IncomingHttpHeaders } from 'node:http';

/** Longest wait that is granted, seconds; who would wait longer waits this long. */
export const MAX_WAIT_SECONDS = 60;

/** One preference: a name, perhaps a value, perhaps parameters, which we leave aside. */
const PREFERENCE = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*)\s*)?(?:;.*)?$/;

/**
 * Seconds that the client would wait for the end of a command, `Prefer: wait=10` (RFC 7240); undefined if it does not say, or
 * not in a way that can be followed: a preference is never an error. Of several only the first counts.
 */
export function preferredWait(headers: IncomingHttpHeaders): number | undefined {
  const { prefer } = headers;
  // Node joins repeated headers with a comma, as the RFC has it.
  const text = Array.isArray(prefer) ? prefer.join(',') : (prefer ?? '');
  for (const part of text.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? []) {
    const [, name, value = ''] = PREFERENCE.exec(part) ?? [];
    if (name?.toLowerCase() !== 'wait') continue;
    const [, seconds] = /^"?(\d{1,9})"?$/.exec(value) ?? [];
    return Number(seconds) >= 1 ? Math.min(Number(seconds), MAX_WAIT_SECONDS) : undefined;
  }
  return undefined;
}
