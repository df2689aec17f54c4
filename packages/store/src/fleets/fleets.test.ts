import { CANARY_FLEET } from '@lamplighter/contracts/identity';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { Redis } from 'ioredis';
import { enqueueCommand } from '../commands/enqueue-command.js';
import { DeviceAddress } from '../devices/device-address.js';
import { recordPresence } from '../devices/presence.js';
import { FRESH_MS, presenceKey, shardOf } from '../keys.js';
import { redisNow } from '../redis/connect.js';
import { canaryAgeMs } from '../telemetry/canary.js';
import { countAllDevices, readFleets } from './fleets.js';

async function connect(): Promise<Redis> {
  const server = await startRedis();
  const redis = new Redis(server.url);
  closeLater('Redis client', () => redis.disconnect());
  return redis;
}

async function recordBirths(redis: Redis, ...names: string[]): Promise<void> {
  await recordPresence(
    redis,
    names.map((name) => {
      const [fleet, device] = name.split('/') as [string, string];
      return { address: new DeviceAddress(fleet, device, false), message: { online: true, session: 1 } };
    }),
  );
}

it('lists fleets by name with their devices by presence, in pages, without the canary', async () => {
  const redis = await connect();
  await recordBirths(redis, 'b/one', 'a/one', 'a/two', 'c/one', `${CANARY_FLEET}/replica`);
  await recordPresence(redis, [
    { address: new DeviceAddress('a', 'two', false), message: { online: false, session: 1 } },
  ]);
  await enqueueCommand(redis, {
    fleet: 'a',
    device: 'three',
    lane: 'led_on',
    policy: 'latest',
    ttl: 60_000,
    action: { led_on: true },
  });

  const first = await readFleets(redis, { limit: 2 });
  expect(first).toEqual({
    fleets: [
      { fleet: 'a', devices: { online: 1, stale: 0, offline: 1, never_seen: 1 } },
      { fleet: 'b', devices: { online: 1, stale: 0, offline: 0, never_seen: 0 } },
    ],
    next: 'b',
  });
  const second = await readFleets(redis, { limit: 2, after: 'b' });
  expect(second).toEqual({
    fleets: [{ fleet: 'c', devices: { online: 1, stale: 0, offline: 0, never_seen: 0 } }],
  });
  expect(await countAllDevices(redis)).toEqual({ online: 3, stale: 0, offline: 1, never_seen: 1, left: 0 });
});

it('reads the age of the newest canary of any replica', async () => {
  const redis = await connect();
  expect(await canaryAgeMs(redis)).toBeUndefined();

  const now = await redisNow(redis);
  const storeCanary = (replica: string, agoMs: number) =>
    redis.zadd(presenceKey(shardOf(CANARY_FLEET, replica), CANARY_FLEET), now - agoMs + FRESH_MS, replica);
  await storeCanary('long-gone', 3_600_000);
  await storeCanary('live', 4000);
  const age = await canaryAgeMs(redis);
  expect(age).toBeGreaterThanOrEqual(4000);
  expect(age).toBeLessThan(14_000);
});
