import { OrderedRetries } from './ordered-retries.js';
import { untilStored } from './until-stored.js';

const stored = (names: readonly string[]) => Promise.resolve(names.map(() => true));
const onPoison = () => {};

it('what fails side by side is repeated in the order in which it came, and what comes later waits for it', async () => {
  for (let trial = 0; trial < 5; trial += 1) {
    const inTurn = new OrderedRetries();
    const order: string[] = [];
    let away = true;
    const write = (names: readonly string[]) => {
      if (away) return Promise.reject(new Error('Redis is away'));
      order.push(...names);
      return stored(names);
    };
    let failures = 0;
    let failedTwice = () => {};
    const allFailedTwice = new Promise<void>((resolve) => {
      failedTwice = resolve;
    });
    const begin = (name: string) =>
      inTurn.run((repeats) =>
        untilStored([name], write, {
          onRetry: () => {
            failures += 1;
            if (failures === 4) failedTwice();
            return repeats();
          },
          onPoison,
        }),
      );
    const first = ['one', 'two', 'three'].map(begin);
    await allFailedTwice; // the first has been tried again, and in vain
    away = false;
    await Promise.all([...first, begin('four'), begin('five')]);
    expect(order).toEqual(['one', 'two', 'three', 'four', 'five']);
  }
});

it('what does not fail goes side by side', async () => {
  const inTurn = new OrderedRetries();
  const ends: (() => void)[] = [];
  const begin = () => inTurn.run(() => new Promise<void>((resolve) => ends.push(resolve)));
  const both = [begin(), begin()];
  expect(ends).toHaveLength(2);
  for (const end of ends) end();
  await Promise.all(both);
});

it('what fails for good does not hold up the others', async () => {
  const inTurn = new OrderedRetries();
  const failing = inTurn.run(async (repeats) => {
    void repeats();
    await Promise.resolve();
    throw new Error('a bug');
  });
  const next = inTurn.run(() => Promise.resolve('done'));
  await expect(failing).rejects.toThrow('a bug');
  expect(await next).toBe('done');
});
