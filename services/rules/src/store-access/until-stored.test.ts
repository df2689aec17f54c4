import { untilStored } from './until-stored.js';

class ReplyError extends Error {
  override readonly name = 'ReplyError';
}
const quiet = { onRetry: () => undefined, onPoison: () => undefined };

describe('untilStored', () => {
  it('retries while Redis is unavailable and returns the result of the write', async () => {
    let attempts = 0;
    const retried: string[] = [];
    const stored = await untilStored(
      [1, 2],
      async (items) => {
        attempts += 1;
        if (attempts < 3) throw new Error('Connection is closed.');
        return items.map((item) => item * 10);
      },
      { ...quiet, onRetry: (error) => void retried.push(error.message) },
    );
    expect(stored).toEqual([10, 20]);
    expect(retried).toEqual(['Connection is closed.', 'Connection is closed.']);
  });

  it.each([
    'LOADING Redis is loading',
    'MISCONF disk is full',
    'OOM command not allowed',
    'READONLY replica',
    'BUSY script',
  ])('retries after "%s"', async (message) => {
    let failed = false;
    const stored = await untilStored(
      ['x'],
      async (items) => {
        if (!failed) {
          failed = true;
          throw new ReplyError(message);
        }
        return [...items];
      },
      quiet,
    );
    expect(stored).toEqual(['x']);
  });

  it.each([
    'ERR user_script:12: attempt to index a nil value',
    'WRONGTYPE Operation against a key holding the wrong kind of value',
  ])('isolates the one item on which the function fails and stores all others: %s', async (message) => {
    const poisoned: number[] = [];
    const items = Array.from({ length: 50 }, (_, i) => i);
    const stored = await untilStored(
      items,
      async (some) => {
        if (some.includes(37)) throw new ReplyError(message);
        return [...some];
      },
      { ...quiet, onPoison: (item) => poisoned.push(item) },
    );
    expect(poisoned).toEqual([37]);
    expect(stored).toEqual(items.map((item) => (item === 37 ? 'failed' : item)));
  });
});
