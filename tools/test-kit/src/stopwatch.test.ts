import { setTimeout as wait } from 'node:timers/promises';
import { stopwatch } from './stopwatch.js';

const blockThread = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

it('measures elapsed time, and hardly counts a blocked thread', async () => {
  const [waited, blocked] = [stopwatch(), stopwatch()];
  await wait(300);
  expect(waited()).toBeGreaterThanOrEqual(295);
  blockThread(1000);
  // Less than the blocked second, however long the machine took.
  expect(blocked() - 300).toBeLessThan(1000);
});
