import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { connectRedis } from '@lamplighter/store/redis/connect';
import type { Redis } from 'ioredis';
import { closeLater } from '../resources.js';
import { startRedis, type TestRedis } from '../servers/redis.js';

/** A real Redis for one test file, with unique names for fleets. */
export interface StoreUnderTest {
  readonly server: TestRedis;
  readonly redis: Redis;
  newFleet(): string;
  /** A device in a new fleet. */
  newDevice(name?: string): DeviceAddress;
}

/** Starts a Redis and connects as the services do. `fast` does not wait until writes reach the disk. */
export async function startStore({ fast = false } = {}): Promise<StoreUnderTest> {
  const server = await startRedis(fast ? { settings: ['appendfsync no'] } : {});
  let fleets = 0;
  const newFleet = () => `fleet-${++fleets}`;
  return {
    server,
    redis: await connected(server.url),
    newFleet,
    newDevice: (name = 'lamp-0001') => new DeviceAddress(newFleet(), name, false),
  };
}

/** Connects as the services do; resolves when the functions are loaded. */
export async function connected(url: string): Promise<Redis> {
  const redis = await new Promise<Redis>((resolve, reject) => {
    const opened = connectRedis(url, 'test', {
      onUp: () => resolve(opened),
      onDown: (why) => reject(new Error(why)),
    });
    closeLater('Redis client', () => opened.disconnect());
  });
  return redis;
}
