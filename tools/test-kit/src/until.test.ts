import { until } from './until.js';

it('returns the first truthy value of the condition', async () => {
  let calls = 0;
  expect(await until(() => (++calls === 3 ? 'lit' : undefined), { what: 'light' })).toBe('lit');
});

it('retries after an exception', async () => {
  let calls = 0;
  await until(
    () => {
      expect(++calls).toBe(3);
      return true;
    },
    { what: 'three calls' },
  );
});

it('reports the condition and its last value on a timeout', async () => {
  const timedOut = until(() => false, { what: 'the lamp to switch on', timeoutMs: 30 });
  await expect(timedOut).rejects.toThrow('waited 0.03 s for the lamp to switch on; last seen: false');
});

const blockThread = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

it('does not count time in which the thread was blocked', async () => {
  let isLit = false;
  setTimeout(() => {
    blockThread(1000);
    setTimeout(() => {
      isLit = true;
    }, 100);
  });
  await until(() => isLit, { what: 'light', timeoutMs: 500 });
});

it('checks once more after the deadline', async () => {
  let calls = 0;
  const slow = () => {
    calls += 1;
    if (calls === 1) blockThread(60);
    return calls === 2;
  };
  await until(slow, { what: 'the second check', timeoutMs: 50 });
});
