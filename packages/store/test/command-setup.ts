import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import type { DeviceAddress } from '../src/devices/device-address.js';
import { CommandDesk } from './command-desk.js';
import { expectConsistentQueue } from './expect-consistent-queue.js';

export interface CommandSetup {
  readonly store: StoreUnderTest;
  readonly device: DeviceAddress;
  readonly desk: CommandDesk;
}

/**
 * Starts a store for the tests of a file. Each test starts with an empty store and a connected device, and ends with a check that the
 * queue is consistent.
 * @param use gets the setup before each test
 */
export function withCommandDesk(
  use: (setup: CommandSetup) => void,
  { name = 'robot-1', isConnected = true }: { name?: string; isConnected?: boolean } = {},
): void {
  let store: StoreUnderTest;
  beforeAll(async () => {
    store = await startStore();
  });
  beforeEach(async () => {
    await store.redis.flushall();
    const device = store.newDevice(name);
    const desk = new CommandDesk(store.redis, device);
    if (isConnected) await desk.connect();
    use({ store, device, desk });
  });
  afterEach(() => expectConsistentQueue(store.redis));
}
