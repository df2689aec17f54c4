import { lastLines, liveChildren } from '@lamplighter/native/process/child';

/** The condition did not hold in time. The message has the condition, its last value and the last log lines of the servers. */
export class WaitTimeout extends Error {
  override readonly name = 'WaitTimeout';
}

export interface UntilOptions {
  /** The condition, to complete "waited … for". */
  readonly what: string;
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/** A sleep that is late by more than this shows that the machine stalled; that time does not count. */
const STALL_MS = 500;

/** The truthy values of a type. */
type True<T> = Exclude<T, false | 0 | '' | null | undefined>;

/**
 * Waits until the condition returns a truthy value, and returns that. A condition that throws does not hold yet, so it may contain
 * `expect`.
 * @throws WaitTimeout
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { what, timeoutMs = 20_000, everyMs = 15 }: UntilOptions,
): Promise<True<T>> {
  let deadline = Date.now() + timeoutMs;
  for (;;) {
    // The last check follows the deadline, since the condition may have become true during the last sleep.
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

/** The last log lines of the running servers, which often show the reason. */
function logTails(): string {
  return [...liveChildren].map((child) => `\n${child.name}:\n${lastLines(child.output(), 3)}`).join('');
}
