import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { DeviceAddress } from './device-address.js';
import { listDevices } from './devices.js';
import { readLastStates } from './last-states.js';
import { recordPresence } from './presence.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore();
});

it('reads the same devices and presences as the list of devices, in pages', async () => {
  const fleet = store.newFleet();
  const names = Array.from({ length: 600 }, (_, index) => `lamp-${String(index).padStart(3, '0')}`);
  await recordPresence(
    store.redis,
    names.map((name, index) => ({
      address: new DeviceAddress(fleet, name, false),
      message: { online: index % 3 !== 0, session: 1 },
    })),
  );
  const { devices } = await listDevices(store.redis, fleet, { limit: 600 });
  const first = await readLastStates(store.redis, fleet, { limit: 400 });
  const second = await readLastStates(store.redis, fleet, { limit: 400, after: first.next! });
  expect([first.devices.length, second.devices.length, second.next]).toEqual([400, 200, undefined]);
  expect([...first.devices, ...second.devices]).toEqual(
    devices.map(({ device, presence, pendingCommands }) => ({ device, presence, pendingCommands })),
  );
});
