import { Replica, reading } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { timePasses } from '@lamplighter/test-kit/store/time-passes';
import { DeviceQueue } from '../../test/device-queue.js';
import { expectConsistentQueue } from '../../test/expect-consistent-queue.js';
import { counted } from '../../test/readings.js';
import { withDeviceQueue } from '../../test/store-setup.js';
import { DeviceAddress } from '../devices/device-address.js';
import { listDevices, readDevice } from '../devices/devices.js';
import { recordPresence } from '../devices/presence.js';
import { readFleets } from '../fleets/fleets.js';
import { readLedger } from '../fleets/ledger.js';
import { FRESH_MS } from '../keys.js';
import {
  claimCleanups,
  claimExpiredDevices,
  completeCleanups,
  isRetainedPresenceOfRemoved,
  type Removal,
  removeDevices,
} from './remove-devices.js';

let store: StoreUnderTest;
let lamp: DeviceAddress;
let rules: Replica;
withDeviceQueue(
  (setup) => {
    ({ store, device: lamp, rules } = setup);
  },
  { name: 'lamp-0001', isConnected: false },
);

const remove = async (options?: { onlyIfAway: boolean }): Promise<Removal> =>
  (await removeDevices(store.redis, [lamp], options))[0]!;
const device = () => readDevice(store.redis, lamp.fleet, lamp.device);
const readingsLedger = async () => (await readLedger(store.redis, lamp.fleet)).readings;
const presence = (message: Parameters<typeof recordPresence>[1][number]['message']) =>
  recordPresence(store.redis, [{ address: lamp, message }]);
const birth = (session: number, more = {}) => presence({ online: true, session, ...more });
const will = (session: number) => presence({ online: false, session });

describe('a removed device', () => {
  it('ends its open commands, and leaves only its counts', async () => {
    const queue = new DeviceQueue(store.redis, lamp);
    await birth(7);
    await rules.accept(lamp, [reading({ light: 1 })], { rules: () => '{"n":1}' });
    await queue.enqueue('dispatched', { lane: 'a' });
    await queue.claim();
    await queue.enqueue('waiting', { lane: 'b' });
    const removal = await remove();
    expect(removal).toMatchObject({ outcome: 'removed', presence: 'online' });
    expect(removal.outcome === 'removed' && removal.ended.map(({ state }) => state).sort()).toEqual([
      'cancelled',
      'unknown',
    ]);
    expect(await device()).toBeUndefined();
    expect(await readFleets(store.redis, { limit: 10 })).toEqual({ fleets: [] });
    await expectConsistentQueue(store.redis);
    const { commands, readings } = await readLedger(store.redis, lamp.fleet);
    expect(commands).toMatchObject({ issued: { api: 2 }, open: 0, unexplained: 0 });
    expect(readings).toMatchObject({ stored: 1 });
    const [cleanup] = await claimCleanups(store.redis, 10);
    await completeCleanups(store.redis, [cleanup!]);
    const remaining = (await store.redis.keys('*')).filter((key) => key.includes(lamp.fleet));
    expect(remaining.map((key) => key.split(':')[1]).sort()).toEqual(['device', 'ledger']);
    expect(await store.redis.pttl(lamp.deviceKey)).toBeGreaterThan(0);
    expect(await remove()).toEqual({ outcome: 'missing' });
  });

  it('does not affect the other devices of its fleet', async () => {
    const other = new DeviceAddress(lamp.fleet, 'other', false);
    await rules.accept(lamp, counted(1));
    await rules.accept(other, counted(1));
    await remove();
    const { devices } = await listDevices(store.redis, lamp.fleet, { limit: 10 });
    expect(devices.map(({ device }) => device)).toEqual(['other']);
  });

  it('is a new device when it reports again, even to a replica that has it in its cache', async () => {
    const other = new Replica(store.redis);
    await rules.accept(lamp, counted(1, 2, 3), { rules: () => '{"n":3}' });
    await other.accept(lamp, counted(4));
    await remove();
    expect(await rules.accept(lamp, counted(5))).toMatchObject({ kind: 'accepted' });
    expect(await other.accept(lamp, counted(6))).toMatchObject({ kind: 'accepted' });
    expect(await device()).toMatchObject({ last: { seq: 1006 } });
    expect(await store.redis.hget(lamp.deviceKey, 'rules')).toBeNull();
    expect(await store.redis.pttl(lamp.deviceKey)).toBe(-1);
  });

  it('keeps its session if it stayed connected and reports again', async () => {
    await birth(7, { telemetry: 'keep' });
    await remove();
    await rules.accept(lamp, counted(1));
    expect(await device()).toMatchObject({ session: { id: 7, online: true, telemetry: 'keep' } });
  });
});

describe('the presence of a removed device', () => {
  it('does not return with the retained message of the broker until that is cleared', async () => {
    await birth(7);
    await remove();
    expect(await birth(7)).toEqual(['ignored']);
    expect(await will(7)).toEqual(['ignored']);
    expect(await device()).toBeUndefined();
    const cleanups = await claimCleanups(store.redis, 10);
    expect(await isRetainedPresenceOfRemoved(store.redis, cleanups)).toEqual([true]);
    await completeCleanups(store.redis, cleanups);
    expect(await birth(7)).toEqual(['born']);
    expect(await device()).toMatchObject({ presence: 'online' });
  });

  it('is that of a new session immediately, whose retained message must not be cleared', async () => {
    await birth(7);
    await will(7);
    await remove();
    expect(await birth(8)).toEqual(['born']);
    const cleanups = await claimCleanups(store.redis, 10);
    expect(await isRetainedPresenceOfRemoved(store.redis, cleanups)).toEqual([false]);
    await completeCleanups(store.redis, cleanups);
    expect(await claimCleanups(store.redis, 10)).toEqual([]);
    expect(await device()).toMatchObject({ presence: 'online', session: { id: 8 } });
  });
});

describe('the ledger', () => {
  it('keeps the counts of removed devices, and missing readings stay unexplained', async () => {
    await rules.accept(lamp, counted(1, 4));
    await rules.accept(lamp, counted(2));
    const before = await readingsLedger();
    expect(before).toMatchObject({ declared: 4, stored: 2, late: 1, unexplained: 1, declaringDevices: 1 });
    await remove();
    expect(await readingsLedger()).toEqual(before);
  });

  it('continues when the device reports again, and readings that were in flight account for missing ones', async () => {
    await rules.accept(lamp, counted(1, 2, 3));
    await rules.accept(lamp, [reading({ light: 5, _n: 6, _dropped: 1, _seq: 1006 })]);
    await remove();
    expect(await readingsLedger()).toMatchObject({
      declared: 6,
      droppedByDevices: 1,
      stored: 4,
      unexplained: 1,
    });
    const dropped = (n: number, total: number) =>
      reading({ light: n, _n: n, _dropped: total, _seq: 1000 + n });
    await rules.accept(lamp, [dropped(5, 1)]);
    await rules.accept(lamp, [dropped(7, 1), dropped(9, 2)]);
    expect(await readingsLedger()).toMatchObject({
      declared: 9,
      declaringDevices: 1,
      droppedByDevices: 2,
      stored: 7,
      unexplained: 0,
    });
    await remove();
    expect(await readingsLedger()).toMatchObject({
      declared: 9,
      stored: 7,
      droppedByDevices: 2,
      unexplained: 0,
    });
  });

  it('restarts when the count of the device restarts', async () => {
    await rules.accept(lamp, counted(...Array.from({ length: 400 }, (_, i) => i + 1)));
    await remove();
    await rules.accept(lamp, [reading({ light: 1, _n: 2, _seq: 5000 })]);
    expect(await readingsLedger()).toMatchObject({ declared: 401, stored: 401, unexplained: 0 });
    await rules.accept(lamp, [reading({ light: 1, _n: 1, _seq: 9000 })]);
    expect(await readingsLedger()).toMatchObject({ declared: 402, stored: 402, unexplained: 0 });
  });
});

describe('a device with forgetAfter', () => {
  it('is removed after it has been offline for that time, and not before', async () => {
    await birth(7, { forgetAfter: 60_000 });
    expect(await claimExpiredDevices(store.redis, 10)).toEqual([]);
    expect(await remove({ onlyIfAway: true })).toEqual({ outcome: 'kept' });
    await timePasses(store.redis, FRESH_MS + 59_000, lamp);
    expect(await claimExpiredDevices(store.redis, 10)).toEqual([]);
    expect(await remove({ onlyIfAway: true })).toEqual({ outcome: 'kept' });
    await timePasses(store.redis, 2000, lamp);
    expect(await claimExpiredDevices(store.redis, 10)).toEqual([{ fleet: lamp.fleet, device: lamp.device }]);
    expect(await remove({ onlyIfAway: true })).toMatchObject({ outcome: 'removed' });
    expect(await device()).toBeUndefined();
  });

  it('counts the time from its goodbye', async () => {
    await birth(7, { forgetAfter: 5000 });
    await will(7);
    await timePasses(store.redis, 6000, lamp);
    expect(await claimExpiredDevices(store.redis, 10)).toHaveLength(1);
    expect(await remove({ onlyIfAway: true })).toMatchObject({ outcome: 'removed', presence: 'offline' });
  });

  it('stays while it reports, and is checked again later', async () => {
    await birth(7, { forgetAfter: 5000 });
    await timePasses(store.redis, FRESH_MS + 6000, lamp);
    await rules.accept(lamp, counted(1));
    expect(await claimExpiredDevices(store.redis, 10)).toHaveLength(1);
    expect(await remove({ onlyIfAway: true })).toEqual({ outcome: 'kept' });
    await timePasses(store.redis, FRESH_MS + 6000, lamp);
    expect(await claimExpiredDevices(store.redis, 10)).toHaveLength(1);
    expect(await remove({ onlyIfAway: true })).toMatchObject({ outcome: 'removed' });
  });

  it('stays once a birth no longer requests it', async () => {
    await birth(7, { forgetAfter: 5000 });
    await birth(8);
    await will(8);
    await timePasses(store.redis, 3_600_000, lamp);
    expect(await claimExpiredDevices(store.redis, 10)).toEqual([]);
    expect(await device()).toMatchObject({ presence: 'offline' });
  });
});
