import { setTimeout as wait } from 'node:timers/promises';
import { stopwatch } from './stopwatch.js';

const blockThread = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

it('measures what passes, and hardly counts what nobody could use', async () => {
  const [waited, blocked] = [stopwatch(), stopwatch()];
  await wait(300);
  expect(waited()).toBeGreaterThanOrEqual(295);
  blockThread(1000);
  // Less than the second alone, however long the machine took.
  expect(blocked() - 300).toBeLessThan(1000);
});
