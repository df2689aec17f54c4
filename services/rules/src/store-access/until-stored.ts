import { type Backoff, backoffMs } from '@lamplighter/contracts/backoff';

/** The pause between attempts. */
const RETRY: Backoff = { firstMs: 50, maxMs: 2000 };

/**
 * Writes items, and retries without limit while Redis is unavailable, slow or full: the messages stay unacknowledged, which applies
 * back-pressure to the broker. If a function fails on its input, the batch is halved until the failing item is alone; only that item fails.
 */
export async function untilStored<T, R>(
  items: readonly T[],
  write: (items: readonly T[]) => Promise<R[]>,
  on: {
    /** Its promise is awaited in addition to the pause. */
    onRetry: (error: Error) => Promise<void> | undefined | void;
    onPoison: (item: T, error: Error) => void;
  },
): Promise<(R | 'failed')[]> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await write(items);
    } catch (error) {
      if (isPoison(error as Error)) {
        if (items.length === 1) {
          on.onPoison(items[0]!, error as Error);
          return ['failed'];
        }
        const middle = Math.ceil(items.length / 2);
        const first = await untilStored(items.slice(0, middle), write, on);
        return [...first, ...(await untilStored(items.slice(middle), write, on))];
      }
      const turn = on.onRetry(error as Error);
      await new Promise((resolve) => setTimeout(resolve, backoffMs(failures, RETRY)));
      await turn;
    }
  }
}

/** Redis replies with `ERR` or `WRONGTYPE` if a function fails; loading, full, busy and read-only have other codes. */
function isPoison(error: Error): boolean {
  return error.name === 'ReplyError' && /^(ERR|WRONGTYPE)\b/.test(error.message);
}
