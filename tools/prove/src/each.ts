import { setTimeout as wait } from 'node:timers/promises';

/** Acts on every item, on so many at a time; rejects with the first failure. */
export async function each<Item>(
  items: readonly Item[],
  atOnce: number,
  act: (item: Item) => Promise<unknown>,
): Promise<void> {
  const rest = items.values();
  const work = async () => {
    for (const item of rest) await act(item);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

/** Acts again and again until it is over, the first time after the first pause; settles when it is. */
export async function every(ms: number, over: AbortSignal, act: () => unknown): Promise<void> {
  while (await wait(ms, true, { signal: over }).catch(() => false)) await act();
}
