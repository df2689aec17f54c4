import { setTimeout as wait } from 'node:timers/promises';

/** Calls `act` on every item, at most `concurrency` at a time; rejects with the first failure. */
export async function forEachConcurrently<Item>(
  items: readonly Item[],
  concurrency: number,
  act: (item: Item) => Promise<unknown>,
): Promise<void> {
  const rest = items.values();
  const work = async () => {
    for (const item of rest) await act(item);
  };
  await Promise.all(Array.from({ length: concurrency }, work));
}

/** Calls `act` every `ms` milliseconds, first after one interval, until the signal aborts; settles then. */
export async function repeatEvery(ms: number, stop: AbortSignal, act: () => unknown): Promise<void> {
  while (await wait(ms, true, { signal: stop }).catch(() => false)) await act();
}
