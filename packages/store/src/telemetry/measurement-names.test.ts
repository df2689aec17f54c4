import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { MeasurementNames, readMeasurementNames } from './measurement-names.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});

describe('the measurement names of a fleet', () => {
  it('are those of its sampled readings, each written once', async () => {
    const [fleet, other] = [store.newFleet(), store.newFleet()];
    const names = new MeasurementNames(store.redis);
    await names.record([
      { fleet, measurements: { light: 1, led_on: true } },
      { fleet, measurements: { light: 2, heat: 3 } },
      { fleet: other, measurements: { moisture: 4 } },
    ]);
    expect((await readMeasurementNames(store.redis, fleet)).sort()).toEqual(['heat', 'led_on', 'light']);
    expect(await readMeasurementNames(store.redis, other)).toEqual(['moisture']);

    const calls = async () =>
      Number(/cmdstat_sadd:calls=(\d+)/.exec(await store.redis.info('commandstats'))?.[1]);
    const before = await calls();
    await names.record([{ fleet, measurements: { light: 3 } }]);
    expect(await calls()).toBe(before);
  });

  it('are limited', async () => {
    const fleet = store.newFleet();
    const names = new MeasurementNames(store.redis);
    for (let batch = 0; batch < 12; batch++) {
      const measurements = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`m${batch}_${i}`, 1]));
      await names.record([{ fleet, measurements }]);
    }
    expect(await readMeasurementNames(store.redis, fleet)).toHaveLength(1000);
  });
});
