import { Replica } from '@lamplighter/test-kit/store/replica';
import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import type { DeviceAddress } from '../src/devices/device-address.js';
import { CommandDesk } from './command-desk.js';
import { expectConsistentQueue } from './expect-consistent-queue.js';

/** The store of a test file; and of each test a device, its commands, and a replica of the rules service. */
export interface StoreSetup {
  readonly store: StoreUnderTest;
  readonly device: DeviceAddress;
  readonly desk: CommandDesk;
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
    use({ store, device, desk: new CommandDesk(store.redis, device), rules: new Replica(store.redis) });
  });
}

/**
 * The same for tests of commands: each starts with an empty store and a connected device, and ends with a check that the queue is
 * consistent.
 */
export function withCommandDesk(
  use: (setup: StoreSetup) => void,
  { name = 'robot-1', isConnected = true }: { name?: string; isConnected?: boolean } = {},
): void {
  let setup: StoreSetup;
  withDevice((made) => {
    setup = made;
  }, name);
  beforeEach(async () => {
    await setup.store.redis.flushall();
    if (isConnected) await setup.desk.connect();
    use(setup);
  });
  afterEach(() => expectConsistentQueue(setup.store.redis));
}
