import type { IncomingHttpHeaders } from 'node:http';

/** Longest wait, seconds; longer requests are cut to it. */
export const MAX_WAIT_SECONDS = 60;

/**
 * Seconds to wait for the end of a command, from `Prefer: wait=10` (RFC 7240); undefined if absent or invalid, since a preference
 * is never an error. Only the first one counts.
 */
export function preferredWait(headers: IncomingHttpHeaders): number | undefined {
  const { prefer } = headers;
  // Node joins repeated headers with a comma, as the RFC specifies.
  for (const preference of preferences(Array.isArray(prefer) ? prefer.join(',') : (prefer ?? ''))) {
    const [name = '', value = ''] = preference.split('=', 2).map((part) => part.trim());
    if (name.toLowerCase() !== 'wait') continue;
    const [, quoted, bare] = /^(?:"(\d{1,9})"|(\d{1,9}))$/.exec(value) ?? [];
    const seconds = Number(quoted ?? bare ?? 0);
    return seconds >= 1 ? Math.min(seconds, MAX_WAIT_SECONDS) : undefined;
  }
  return undefined;
}

/** The preferences of a header without their parameters: the text between commas and before semicolons, outside quotes. */
function* preferences(text: string): Generator<string> {
  let start = 0;
  let end: number | undefined;
  let isQuoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i];
    if (char === '"') isQuoted = !isQuoted;
    else if (isQuoted && char === '\\') i += 1;
    else if (!isQuoted && char === ';') end ??= i;
    else if (!isQuoted && char === ',') {
      yield text.slice(start, end ?? i);
      start = i + 1;
      end = undefined;
    }
  }
  yield text.slice(start, end);
}
