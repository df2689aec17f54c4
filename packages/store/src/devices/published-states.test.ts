import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { devicesKey, statesKey } from '../keys.js';
import { redisNow } from '../redis/connect.js';
import { NEW_DEVICE } from '../rules/state-version.js';
import { acceptReadings } from '../telemetry/accept-readings.js';
import type { DeviceAddress } from './device-address.js';
import {
  claimStates,
  forgetPublishedStates,
  haveOrphanedStates,
  STATE_PERIOD_MS,
  walkPublishedStates,
  walkStates,
} from './published-states.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});

const HISTORY_ONLY = {
  live: [],
  late: [{ n: undefined, seq: 1, at: undefined, json: '{"light":1}' }],
  kinds: '2',
};

async function accept(address: DeviceAddress, part: Partial<Parameters<typeof acceptReadings>[2][number]>) {
  const reading = { n: undefined, seq: 7, at: 1000, json: '{"light":412,"_seq":7,"_at":1000}' };
  const whole = { address, part: 1, version: NEW_DEVICE, rules: '', live: [reading], late: [], commands: [] };
  const [outcome] = await acceptReadings(store.redis, 'r', [{ ...whole, ...part }]);
  expect(outcome!.kind).toBe('accepted');
}

/** Claims the state of one device. */
const claim = async (address: DeviceAddress, againBefore = 0) =>
  (await claimStates(store.redis, [address], againBefore))[0]!;

/** Moves the last publication into the past. */
async function age({ shard, fleet, device }: DeviceAddress, ms: number) {
  const [at, digest] = (await store.redis.hget(statesKey(shard, fleet), device))!.split(',');
  await store.redis.hset(statesKey(shard, fleet), device, `${Number(at) - ms},${digest}`);
}

it('a state is claimed once until it changes', async () => {
  const lamp = store.newDevice();
  expect(await claim(lamp)).toEqual({ kind: 'none' });
  await accept(lamp, {});
  const claims = await claimStates(store.redis, [lamp, lamp], 0);
  expect(claims).toEqual([
    {
      kind: 'state',
      state: {
        measurements: { light: 412 },
        ...{ at: 1000, seq: 7, receivedAt: expect.any(Number), presence: 'online' },
        freshUntil: expect.any(Number),
      },
    },
    { kind: 'none' },
  ]);
});

it('a newer state waits until a second after the last publication', async () => {
  const lamp = store.newDevice();
  await accept(lamp, {});
  await claim(lamp);
  await accept(lamp, {
    part: 2,
    version: '0',
    live: [{ n: undefined, seq: 8, at: 1001, json: '{"light":8}' }],
  });
  const waits = await claim(lamp);
  expect(waits).toEqual({ kind: 'wait', ms: expect.any(Number) });
  expect(waits.kind === 'wait' && waits.ms).toBeLessThanOrEqual(STATE_PERIOD_MS);
  await age(lamp, STATE_PERIOD_MS);
  expect(await claim(lamp)).toMatchObject({ kind: 'state', state: { measurements: { light: 8 }, seq: 8 } });
});

it('a published state is claimed again if the broker was reconnected since', async () => {
  const lamp = store.newDevice();
  await accept(lamp, {});
  await claim(lamp);
  await age(lamp, STATE_PERIOD_MS);
  const connectedAt = await redisNow(store.redis);
  expect(await claim(lamp, connectedAt)).toMatchObject({ kind: 'state', state: { seq: 7 } });
  expect(await claim(lamp, connectedAt)).toEqual({ kind: 'none' });
});

it('history alone is not a state', async () => {
  const lamp = store.newDevice();
  await accept(lamp, HISTORY_ONLY);
  expect(await claim(lamp)).toEqual({ kind: 'none' });
});

it('an offline device has another state, and the state of a deleted one is gone', async () => {
  const lamp = store.newDevice();
  await accept(lamp, {});
  await claim(lamp);
  await age(lamp, STATE_PERIOD_MS);
  await store.redis.zadd(lamp.presenceKey, 0, lamp.device);
  const claimed = await claim(lamp);
  expect(claimed).toMatchObject({ kind: 'state', state: { presence: 'offline', seq: 7 } });
  expect(claimed.kind === 'state' && 'freshUntil' in claimed.state).toBe(false);
  expect(await haveOrphanedStates(store.redis, [lamp])).toEqual([false]);
  await store.redis.del(lamp.windowKey);
  await store.redis.zrem(devicesKey(lamp.shard, lamp.fleet), lamp.device);
  expect(await claim(lamp)).toEqual({ kind: 'gone' });
  expect(await haveOrphanedStates(store.redis, [lamp])).toEqual([true]);
  await forgetPublishedStates(store.redis, [lamp]);
  expect(await claim(lamp)).toEqual({ kind: 'none' });
});

it('the walks find all devices of a fleet, and all with a published state', async () => {
  const [lamp, other] = [store.newDevice('a'), store.newDevice('a')];
  await accept(lamp, {});
  await accept(other, {});
  await claim(other);
  const all = async (pages: AsyncGenerator<string[]>) => {
    const names: string[] = [];
    for await (const page of pages) names.push(...page);
    return [...new Set(names)];
  };
  expect(await all(walkStates(store.redis, lamp.fleet))).toEqual(['a']);
  expect(await all(walkPublishedStates(store.redis, lamp.fleet))).toEqual([]);
  expect(await all(walkPublishedStates(store.redis, other.fleet))).toEqual(['a']);
});
