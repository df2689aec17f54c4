import { TELEMETRY_INTERVAL } from '@lamplighter/contracts/settings/telemetry-interval';
import { Replica, reading } from '@lamplighter/test-kit/store/replica';
import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { until } from '@lamplighter/test-kit/until';
import { redisNow } from '../redis/connect.js';
import { measureInterval, readTelemetryInterval, saveSetting } from './settings.js';

/** Readings with these arrival times, newest first, as a window is read. */
const arrivals = (...times: number[]) => times.map((receivedAt) => ({ receivedAt, late: false })).reverse();

describe('the measured interval', () => {
  it.each<[what: string, times: number[], interval: number | undefined]>([
    ['nothing', [], undefined],
    ['one reading', [5000], undefined],
    ['two readings', [5000, 6000], 1000],
    ['a regular interval', [0, 1000, 2000, 3000], 1000],
    ['an even number of gaps: the mean of the two in the middle', [0, 1000, 3000], 1500],
    ['an outage, which the median ignores', [0, 1000, 2000, 90_000, 91_000], 1000],
    ['readings of one message, which are one arrival', [0, 1000, 1000, 1000, 2000], 1000],
    ['one message of many readings', [1000, 1000, 1000], undefined],
  ])('of %s', (_what, times, interval) => {
    expect(measureInterval(arrivals(...times))).toBe(interval);
  });

  it('follows a change: only the last 20 readings count', () => {
    const slow = Array.from({ length: 50 }, (_, i) => i * 10_000);
    const fast = Array.from({ length: 20 }, (_, i) => 1_000_000 + i * 100);
    expect(measureInterval(arrivals(...slow, ...fast))).toBe(100);
  });

  it('excludes late readings', () => {
    const late = { receivedAt: 9000, late: true };
    const [newest, ...older] = arrivals(0, 1000, 2000);
    expect(measureInterval([newest!, late, ...older])).toBe(1000);
  });
});

describe('the telemetry interval of a device', () => {
  let store: StoreUnderTest;
  beforeAll(async () => {
    store = await startStore();
  });

  it('has the desired and the measured value', async () => {
    const lamp = store.newDevice();
    const read = () => readTelemetryInterval(store.redis, lamp.fleet, lamp.device);
    expect(await read()).toEqual({});
    await saveSetting(store.redis, lamp, TELEMETRY_INTERVAL, 5000);
    await saveSetting(store.redis, lamp, TELEMETRY_INTERVAL, 10_000);
    expect(await read()).toEqual({ desiredMs: 10_000 });
    const adaptive = { min: 1000, max: 60_000, of: 'light', thresholds: [300] };
    await saveSetting(store.redis, lamp, TELEMETRY_INTERVAL, adaptive);
    expect(await read()).toEqual({ adaptive });
    await saveSetting(store.redis, lamp, TELEMETRY_INTERVAL, 10_000);
    const rules = new Replica(store.redis);
    await rules.accept(lamp, [reading({ light: 1, _seq: 1 })]);
    const first = await redisNow(store.redis);
    await until(async () => (await redisNow(store.redis)) > first, { what: 'a later millisecond' });
    await rules.accept(lamp, [reading({ light: 1, _seq: 2 })]);
    expect(await read()).toEqual({ desiredMs: 10_000, measuredMs: expect.any(Number) });
  });
});
