import { OrderedRetries } from './ordered-retries.js';
import { untilStored } from './until-stored.js';

const stored = (names: readonly string[]) => Promise.resolve(names.map(() => true));
const onPoison = () => {};

it('retries concurrent calls in their order, and later calls wait for them', async () => {
  for (let trial = 0; trial < 5; trial += 1) {
    const retries = new OrderedRetries();
    const order: string[] = [];
    let isUnavailable = true;
    const write = (names: readonly string[]) => {
      if (isUnavailable) return Promise.reject(new Error('Redis is unavailable'));
      order.push(...names);
      return stored(names);
    };
    let failures = 0;
    let failedTwice = () => {};
    const allFailedTwice = new Promise<void>((resolve) => {
      failedTwice = resolve;
    });
    const start = (name: string) =>
      retries.run((onRetry) =>
        untilStored([name], write, {
          onRetry: () => {
            failures += 1;
            if (failures === 4) failedTwice();
            return onRetry();
          },
          onPoison,
        }),
      );
    const first = ['one', 'two', 'three'].map(start);
    await allFailedTwice; // the first call has failed again
    isUnavailable = false;
    await Promise.all([...first, start('four'), start('five')]);
    expect(order).toEqual(['one', 'two', 'three', 'four', 'five']);
  }
});

it('runs calls concurrently while none fails', async () => {
  const retries = new OrderedRetries();
  const ends: (() => void)[] = [];
  const start = () => retries.run(() => new Promise<void>((resolve) => ends.push(resolve)));
  const both = [start(), start()];
  expect(ends).toHaveLength(2);
  for (const end of ends) end();
  await Promise.all(both);
});

it('continues after a call that gives up', async () => {
  const retries = new OrderedRetries();
  const failing = retries.run(async (onRetry) => {
    void onRetry();
    await Promise.resolve();
    throw new Error('a bug');
  });
  const next = retries.run(() => Promise.resolve('done'));
  await expect(failing).rejects.toThrow('a bug');
  expect(await next).toBe('done');
});
