import { until } from './until.js';

it('gives what the condition gave once it is true', async () => {
  let calls = 0;
  expect(await until(() => (++calls === 3 ? 'lit' : undefined), { what: 'light' })).toBe('lit');
});

it('takes an exception as not yet', async () => {
  let calls = 0;
  await until(
    () => {
      expect(++calls).toBe(3);
      return true;
    },
    { what: 'three calls' },
  );
});

it('says what it waited for and what it saw last', async () => {
  const timedOut = until(() => false, { what: 'the lamp to switch on', timeoutMs: 30 });
  await expect(timedOut).rejects.toThrow('waited 0.03 s for the lamp to switch on; last seen: false');
});

const blockThread = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

it('does not count the time in which nothing could run', async () => {
  let isLit = false;
  setTimeout(() => {
    blockThread(1000);
    setTimeout(() => {
      isLit = true;
    }, 100);
  });
  await until(() => isLit, { what: 'light', timeoutMs: 500 });
});

it('looks once more when the time is over', async () => {
  let calls = 0;
  const slow = () => {
    calls += 1;
    if (calls === 1) blockThread(60);
    return calls === 2;
  };
  await until(slow, { what: 'the second look', timeoutMs: 50 });
});
