import { lastLines, liveChildren } from '@lamplighter/native/process/child';

/** The condition did not come true in time; the message tells what was awaited, what was seen last, and the last words of servers. */
export class WaitTimeout extends Error {
  override readonly name = 'WaitTimeout';
}

export interface UntilOptions {
  /** What is awaited, as a sentence goes on after "waited … for". */
  readonly what: string;
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/** Who oversleeps by more than this was held up by a machine that stood still, and so was everybody else: it does not count. */
const STALL_MS = 500;

/** What is left of a type when it is true. */
type True<T> = Exclude<T, false | 0 | '' | null | undefined>;

/**
 * Waits until the condition gives something true, and returns that. A condition that throws is not true yet, so a test's
 * `expect` may stand in it.
 * @throws WaitTimeout
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { what, timeoutMs = 20_000, everyMs = 15 }: UntilOptions,
): Promise<True<T>> {
  let deadline = Date.now() + timeoutMs;
  for (;;) {
    // The last look comes after the deadline: what came in time may have been there before us.
    const isLast = Date.now() >= deadline;
    let seen: string;
    try {
      const value = await condition();
      if (value) return value as True<T>;
      seen = `last seen: ${JSON.stringify(value)}`;
    } catch (error) {
      seen = `last error: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (isLast) throw new WaitTimeout(`waited ${timeoutMs / 1000} s for ${what}; ${seen}${logTails()}`);
    const pausedAt = Date.now();
    await new Promise((resolve) => setTimeout(resolve, everyMs));
    const stalledMs = Date.now() - pausedAt - everyMs;
    if (stalledMs > STALL_MS) deadline += stalledMs;
  }
}

/** What the servers that run for this test logged last: the reason is often there. */
function logTails(): string {
  return [...liveChildren].map((child) => `\n${child.name}:\n${lastLines(child.output(), 3)}`).join('');
}
