import type { PresenceState } from '@lamplighter/contracts/devices/presence';
import { emitted, Replica, reading } from '@lamplighter/test-kit/store/replica';
import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import fc from 'fast-check';
import { enqueueCommand } from '../commands/enqueue-command.js';
import { deviceKey, devicesKey, MAX_DEVICES_PER_FLEET, SHARDS } from '../keys.js';
import { NEW_DEVICE } from '../rules/state-version.js';
import { DeviceAddress } from './device-address.js';
import { listDevices, readDevice } from './devices.js';
import { recordPresence } from './presence.js';

let store: StoreUnderTest;
let fleet: string;
beforeAll(async () => {
  store = await startStore();
});
beforeEach(() => {
  fleet = store.newFleet();
});

/** Creates devices by their births, or as offline ones by their wills. */
const createDevices = (names: readonly string[], online = true) =>
  recordPresence(
    store.redis,
    names.map((name) => ({
      address: new DeviceAddress(fleet, name, false),
      message: { online, session: 1 },
    })),
  );

interface Listing {
  limit: number;
  presence?: PresenceState;
  /** Called after each page. */
  meanwhile?: (page: number) => Promise<unknown>;
}

/** Reads all pages. */
async function listAll({ limit, presence, meanwhile }: Listing): Promise<string[]> {
  const names: string[] = [];
  let after: string | undefined;
  for (let page = 1; ; page += 1) {
    const { devices, next } = await listDevices(store.redis, fleet, {
      limit,
      ...(after !== undefined && { after }),
      ...(presence && { presence }),
    });
    expect(devices.length).toBeLessThanOrEqual(limit);
    names.push(...devices.map(({ device }) => device));
    if (next === undefined) return names;
    await meanwhile?.(page);
    after = next;
  }
}

const lamps = (count: number) =>
  Array.from({ length: count }, (_, i) => `lamp-${String(i).padStart(4, '0')}`);

describe('the devices of a fleet', () => {
  it('are none in an unknown fleet', async () => {
    expect(await listDevices(store.redis, fleet, { limit: 10 })).toEqual({ devices: [] });
  });

  it.each([1, 7, 50, 149, 150, 151, 1000])('are all listed once, by name, in pages of %d', async (limit) => {
    await createDevices(lamps(150));
    expect(await listAll({ limit })).toEqual(lamps(150));
  });

  it('are listed by name, with any names', async () => {
    const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,8}$/);
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(name, { maxLength: 40 }),
        fc.integer({ min: 1, max: 20 }),
        async (names, limit) => {
          fleet = store.newFleet();
          await createDevices(names);
          expect(await listAll({ limit })).toEqual([...names].sort());
        },
      ),
      { numRuns: 30 },
    );
  });

  it('are listed once each while others are created', async () => {
    await createDevices(lamps(100));
    let added = 0;
    const listed = await listAll({
      limit: 10,
      meanwhile: () => createDevices([`aaa-${++added}`, `lamp-0050-${added}`, `zzz-${added}`]),
    });
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed).toEqual([...listed].sort());
    expect(listed).toEqual(expect.arrayContaining(lamps(100)));
  });

  it('are not mixed with those of a fleet with a similar name', async () => {
    const [one, other] = [`${fleet}`, `${fleet}0`];
    await createDevices(['lamp-1']);
    fleet = other;
    await createDevices(['lamp-2']);
    fleet = one;
    expect(await listAll({ limit: 10 })).toEqual(['lamp-1']);
  });

  it('continue after any name, even an unknown one', async () => {
    await createDevices(lamps(5));
    const after = async (name: string) =>
      (await listDevices(store.redis, fleet, { limit: 10, after: name })).devices.map(({ device }) => device);
    expect(await after('lamp-0002')).toEqual(['lamp-0003', 'lamp-0004']);
    expect(await after('lamp-0002x')).toEqual(['lamp-0003', 'lamp-0004']);
    expect(await after('')).toEqual(lamps(5));
    for (const beyond of ['zzz', '\xff', '💡', '+'])
      expect(await after(beyond)).toEqual(beyond === '+' ? lamps(5) : []);
  });

  it('are an empty page with limit 0', async () => {
    await createDevices(lamps(3));
    expect(await listDevices(store.redis, fleet, { limit: 0 })).toEqual({ devices: [] });
  });
});

describe('a presence filter', () => {
  it.each([1, 3, 100])('finds all matching devices and no others, in pages of %d', async (limit) => {
    const odd = lamps(60).filter((_, i) => i % 2 === 1);
    await createDevices(lamps(60));
    await createDevices(odd, false);
    expect(await listAll({ limit, presence: 'offline' })).toEqual(odd);
    expect(await listAll({ limit, presence: 'online' })).toEqual(
      lamps(60).filter((name) => !odd.includes(name)),
    );
    expect(await listAll({ limit, presence: 'stale' })).toEqual([]);
  });

  it('finds a few among very many, although a page reads a limited number of names', async () => {
    await createDevices(lamps(2500));
    await createDevices(['lamp-2400'], false);
    const first = await listDevices(store.redis, fleet, { limit: 500, presence: 'offline' });
    expect(first).toEqual({ devices: [], next: 'lamp-1999' });
    expect(await listAll({ limit: 500, presence: 'offline' })).toEqual(['lamp-2400']);
  });
});

describe('a device', () => {
  it('is undefined if it is unknown', async () => {
    await createDevices(['lamp-1']);
    for (const name of ['lamp-2', 'lamp-', 'lamp-1 ', ''])
      expect(await readDevice(store.redis, fleet, name)).toBeUndefined();
    expect(await readDevice(store.redis, 'unknown', 'lamp-1')).toBeUndefined();
  });

  it('is read with its last state, its age and its pending commands', async () => {
    const lamp = new DeviceAddress(fleet, 'lamp-1', false);
    const before = Date.now();
    await new Replica(store.redis).accept(lamp, [reading({ light: 299, _seq: 7, _at: before })], {
      commands: [emitted(lamp), emitted(lamp, { lane: 'fan' })],
    });
    expect(await readDevice(store.redis, fleet, 'lamp-1')).toEqual({
      fleet,
      device: 'lamp-1',
      lesson: false,
      presence: 'online',
      last: { seq: 7, at: before, receivedAt: expect.any(Number), late: false, measurements: { light: 299 } },
      ageMs: expect.any(Number),
      pendingCommands: 2,
      order: { late: 0, duplicate: 0, tooOld: 0, retained: 0, rejected: 0, restarts: 0 },
    });
    expect((await readDevice(store.redis, fleet, 'lamp-1'))!.last!.receivedAt).toBeGreaterThanOrEqual(before);
  });

  it('counts its own commands, not those of a device with a similar name', async () => {
    for (const device of ['lamp-1', 'lamp-10', 'lamp-1.0', 'lamp-1-0'])
      await enqueueCommand(store.redis, {
        fleet,
        device,
        lane: 'led',
        policy: 'latest',
        ttl: 60_000,
        action: { a: 1 },
      });
    expect((await readDevice(store.redis, fleet, 'lamp-1'))?.pendingCommands).toBe(1);
  });

  it('on the lesson topics is known as such, even if a command was enqueued first', async () => {
    const lesson = new DeviceAddress(fleet, fleet, true);
    await enqueueCommand(store.redis, {
      fleet,
      device: fleet,
      lane: 'led',
      policy: 'latest',
      ttl: 60_000,
      action: { a: 1 },
    });
    await new Replica(store.redis).accept(lesson, [reading({ light: 1 })]);
    expect(await readDevice(store.redis, fleet, fleet)).toMatchObject({ lesson: true, presence: 'online' });
  });
});

describe('a fleet at its device limit', () => {
  const newcomer = () => new DeviceAddress(fleet, 'newcomer', false);
  const command = (device: string) =>
    enqueueCommand(store.redis, {
      fleet,
      device,
      lane: 'led',
      policy: 'latest',
      ttl: 60_000,
      action: { a: 1 },
    });
  beforeEach(async () => {
    const { shard } = newcomer();
    const members = Array.from({ length: Math.ceil(MAX_DEVICES_PER_FLEET / SHARDS) }, (_, i) => [
      0,
      `known-${i}`,
    ]);
    await store.redis.zadd(devicesKey(shard, fleet), ...members.flat());
  });

  it('accepts no new device in any way', async () => {
    const [accepted] = await new Replica(store.redis).send({
      ...new Replica(store.redis).evaluate(newcomer(), []),
      version: NEW_DEVICE,
      live: [reading({ light: 1 })],
      commands: [emitted(newcomer())],
    });
    expect(accepted).toEqual({ kind: 'full', commands: [] });
    expect(await createDevices(['newcomer'])).toEqual(['full']);
    expect(await command('newcomer')).toEqual({ outcome: 'fleet_full' });
    expect(await readDevice(store.redis, fleet, 'newcomer')).toBeUndefined();
    expect(await store.redis.exists(deviceKey(newcomer().shard, fleet, 'newcomer'))).toBe(0);
  });

  it('continues with its existing devices', async () => {
    await store.redis.zadd(devicesKey(newcomer().shard, fleet), 0, 'newcomer');
    expect(await createDevices(['newcomer'])).toEqual(['born']);
    expect(await new Replica(store.redis).accept(newcomer(), [reading({ light: 1 })])).toMatchObject({
      kind: 'accepted',
    });
    expect(await command('newcomer')).toMatchObject({ outcome: 'enqueued' });
  });

  it('does not prevent the rest of a batch from being accepted', async () => {
    const neighbour = store.newDevice();
    const rules = new Replica(store.redis);
    const part = (address: DeviceAddress) => ({
      ...rules.evaluate(address, []),
      version: NEW_DEVICE,
      live: [reading({ light: 1 })],
    });
    const outcomes = await rules.send({ ...part(newcomer()), late: [] }, part(neighbour));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['full', 'accepted']);
  });
});
