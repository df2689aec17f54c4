import { TELEMETRY_INTERVAL } from '@lamplighter/contracts/settings/telemetry-interval';
import { emitted, type Replica } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { timePasses } from '@lamplighter/test-kit/store/time-passes';
import { light, numbered } from '../../test/readings.js';
import { withDevice } from '../../test/store-setup.js';
import type { DeviceAddress } from '../devices/device-address.js';
import { readDevice } from '../devices/devices.js';
import { recordPresence } from '../devices/presence.js';
import { saveSetting } from '../devices/settings.js';
import { FRESH_MS } from '../keys.js';

let store: StoreUnderTest;
let lamp: DeviceAddress;
let rules: Replica;
withDevice((setup) => {
  ({ store, device: lamp, rules } = setup);
});

const device = () => readDevice(store.redis, lamp.fleet, lamp.device);

describe('freshness', () => {
  it('ends after the period without a reading', async () => {
    await rules.accept(lamp, [light(1)]);
    await timePasses(store.redis, FRESH_MS + 1000, lamp);
    expect(await device()).toMatchObject({ presence: 'stale' });
    await rules.accept(lamp, [light(2)]);
    expect(await device()).toMatchObject({ presence: 'online' });
  });

  it('lasts for a device that reports more than once a second', async () => {
    await rules.accept(lamp, [light(1)]);
    for (let step = 0; step < 40; step += 1) {
      await timePasses(store.redis, 999, lamp);
      await rules.accept(lamp, [light(step)]);
    }
    expect(await device()).toMatchObject({ presence: 'online' });
  });

  it.each([
    ['fixed', 60_000],
    ['adaptive', { min: 1000, max: 60_000, of: 'light', thresholds: [300] }],
  ])(
    'lasts one and a half times the longest interval that was set for the device: %s',
    async (_, interval) => {
      await rules.accept(lamp, [light(1)]);
      await saveSetting(store.redis, lamp, TELEMETRY_INTERVAL, interval);
      // Immediately, not only after the next reading.
      await timePasses(store.redis, 89_000, lamp);
      expect(await device()).toMatchObject({ presence: 'online' });
      expect((await rules.accept(lamp, [light(2)])).returnedFrom).toBeUndefined();
      await timePasses(store.redis, 89_000, lamp);
      expect(await device()).toMatchObject({ presence: 'online' });
      await timePasses(store.redis, 2000, lamp);
      expect(await device()).toMatchObject({ presence: 'stale' });
      await recordPresence(store.redis, [{ address: lamp, message: { online: true, session: 1 } }]);
      await timePasses(store.redis, 89_000, lamp);
      expect(await device()).toMatchObject({ presence: 'online' });

      await saveSetting(store.redis, lamp, TELEMETRY_INTERVAL, null);
      await rules.accept(lamp, [light(3)]);
      await timePasses(store.redis, FRESH_MS + 1000, lamp);
      expect(await device()).toMatchObject({ presence: 'stale' });
    },
  );

  it('is extended by late readings, because a device that replays is connected', async () => {
    await rules.accept(lamp, numbered(5));
    await timePasses(store.redis, FRESH_MS + 1000, lamp);
    await rules.accept(lamp, numbered(4));
    expect(await device()).toMatchObject({ presence: 'online', last: { seq: 5 } });
  });
});

describe('a device that was presumed unreachable', () => {
  const back = async (readings = [light(2)]) => (await rules.accept(lamp, readings)).returnedFrom;

  it('is reported as back only by its first reading', async () => {
    expect(await back()).toBe('away');
    await timePasses(store.redis, 2000, lamp);
    expect(await back()).toBeUndefined();
  });

  it('is back after silence', async () => {
    await back();
    await timePasses(store.redis, FRESH_MS + 1000, lamp);
    expect(await back()).toBe('stale');
    expect(await back()).toBeUndefined();
  });

  it('was stale only if no birth has ended its silence before it reports', async () => {
    await recordPresence(store.redis, [{ address: lamp, message: { online: true, session: 1 } }]);
    await back();
    await timePasses(store.redis, FRESH_MS + 1000, lamp);
    await recordPresence(store.redis, [{ address: lamp, message: { online: true, session: 2 } }]);
    expect(await back()).toBe('away');
    await timePasses(store.redis, FRESH_MS + 1000, lamp);
    expect(await back()).toBe('stale');
  });

  it('is back, once, if the clock went backwards since its last reading, because the length of its silence is unknown', async () => {
    await back();
    await timePasses(store.redis, -3_600_000, { shard: lamp.shard });
    expect(await back()).toBe('away');
    expect(await back()).toBeUndefined();
  });

  it('is reported as back once, when it reports after its will', async () => {
    await recordPresence(store.redis, [{ address: lamp, message: { online: true, session: 1 } }]);
    await back();
    await timePasses(store.redis, 2000, lamp);
    await recordPresence(store.redis, [{ address: lamp, message: { online: false, session: 1 } }]);
    await timePasses(store.redis, 1001, lamp);
    expect([await back(), (await device())?.presence]).toEqual(['away', 'online']);
    await timePasses(store.redis, 2000, lamp);
    expect(await back()).toBeUndefined();
  });
});

describe('a reading that arrives within a second of the will of its session', () => {
  const recordSession = (online: boolean, session: number) =>
    recordPresence(store.redis, [{ address: lamp, message: { online, session } }]);
  const accept = async (value: number) => (await rules.accept(lamp, [light(value)])).returnedFrom;
  beforeEach(async () => {
    await recordSession(true, 1);
    await accept(1);
    await timePasses(store.redis, 2000, lamp);
    await recordSession(false, 1);
  });

  it('is stored, and does not make the device online', async () => {
    expect(await accept(2)).toBeUndefined();
    expect(await device()).toMatchObject({ presence: 'offline', last: { measurements: { light: 2 } } });
  });

  it("does not dispatch a rule's command, which waits for the device", async () => {
    const outcome = await rules.accept(lamp, [light(2)], { commands: [emitted(lamp)] });
    expect(outcome.commands).toMatchObject([{ state: 'pending' }]);
  });

  it('does not hide that the device is back when it reports later, and no session was lost by then', async () => {
    await accept(2);
    await timePasses(store.redis, 1001, lamp);
    expect([await accept(3), (await device())?.presence]).toEqual(['away', 'online']);
  });

  it('does not count as silence within a session when the device reports much later', async () => {
    await accept(2);
    await timePasses(store.redis, FRESH_MS + 2000, lamp);
    expect(await accept(3)).toBe('away');
  });

  it('makes the device online if a new session has started', async () => {
    await recordSession(true, 2);
    await accept(2);
    expect(await device()).toMatchObject({ presence: 'online' });
  });
});

describe('a sleeping device', () => {
  const sleeps = 600_000;
  const recordSession = (online: boolean) =>
    recordPresence(store.redis, [
      { address: lamp, message: online ? { online, session: 1, sleeps } : { online, session: 1 } },
    ]);

  it('stays online while it sleeps, and becomes stale if it does not wake', async () => {
    await recordSession(true);
    await rules.accept(lamp, [light(1)]);
    await recordSession(false);
    await timePasses(store.redis, sleeps, lamp);
    expect(await device()).toMatchObject({ presence: 'online', session: { online: false, sleeps } });
    await timePasses(store.redis, sleeps, lamp);
    expect(await device()).toMatchObject({ presence: 'stale' });
  });

  it('is fresh for its own period after each reading', async () => {
    await recordSession(true);
    await timePasses(store.redis, sleeps, lamp);
    await rules.accept(lamp, [light(1)]);
    await timePasses(store.redis, sleeps, lamp);
    expect(await device()).toMatchObject({ presence: 'online' });
  });
});
