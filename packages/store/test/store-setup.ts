import { Replica } from '@lamplighter/test-kit/store/replica';
import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import type { DeviceAddress } from '../src/devices/device-address.js';
import { DeviceQueue } from './device-queue.js';
import { expectConsistentQueue } from './expect-consistent-queue.js';

/** The store of a test file, and for each test a device, its command queue, and a replica of the rules service. */
export interface StoreSetup {
  readonly store: StoreUnderTest;
  readonly device: DeviceAddress;
  readonly queue: DeviceQueue;
  readonly rules: Replica;
}

/** Starts a store for the tests of a file. @param use gets the setup of each test, whose device is new */
export function withDevice(use: (setup: StoreSetup) => void, name?: string): void {
  let store: StoreUnderTest;
  beforeAll(async () => {
    store = await startStore({ fast: true });
  });
  beforeEach(() => {
    const device = store.newDevice(name);
    use({ store, device, queue: new DeviceQueue(store.redis, device), rules: new Replica(store.redis) });
  });
}

/**
 * The same for tests of commands: each starts with an empty store and a connected device, and ends with a check that the queue is
 * consistent.
 */
export function withDeviceQueue(
  use: (setup: StoreSetup) => void,
  { name = 'robot-1', isConnected = true }: { name?: string; isConnected?: boolean } = {},
): void {
  let setup: StoreSetup;
  withDevice((made) => {
    setup = made;
  }, name);
  beforeEach(async () => {
    await setup.store.redis.flushall();
    if (isConnected) await setup.queue.connect();
    use(setup);
  });
  afterEach(() => expectConsistentQueue(setup.store.redis));
}
