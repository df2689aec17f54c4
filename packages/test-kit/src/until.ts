import { lastLines, liveChildren } from '@lamplighter/native/child';

/** The condition did not come true in time; the message tells what was awaited, what was seen last, and the last words of servers. */
export class WaitedInVain extends Error {
  override readonly name = 'WaitedInVain';
}

export interface UntilOptions {
  /** What is awaited, as a sentence goes on after "waited … for". */
  readonly what: string;
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/** What is left of a type when it is true. */
type True<T> = Exclude<T, false | 0 | '' | null | undefined>;

/**
 * Waits until the condition gives something true, and returns that. A condition that throws is not true yet, so a test's
 * `expect` may stand in it.
 * @throws WaitedInVain
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { what, timeoutMs = 10_000, everyMs = 15 }: UntilOptions,
): Promise<True<T>> {
  const deadline = Date.now() + timeoutMs;
  let seen: string;
  do {
    try {
      const value = await condition();
      if (value) return value as True<T>;
      seen = `last seen: ${JSON.stringify(value)}`;
    } catch (error) {
      seen = `last error: ${error instanceof Error ? error.message : String(error)}`;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  } while (Date.now() < deadline);
  throw new WaitedInVain(`waited ${timeoutMs / 1000} s in vain for ${what}; ${seen}${lastWords()}`);
}

/** What the servers that run for this test logged last: the reason is often there. */
function lastWords(): string {
  return [...liveChildren].map((child) => `\n${child.name}:\n${lastLines(child.output(), 3)}`).join('');
}
