import { Replica, reading } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { timePasses } from '@lamplighter/test-kit/store/time-passes';
import { withDevice } from '../../test/store-setup.js';
import { enqueueCommand } from '../commands/enqueue-command.js';
import { readFleets } from '../fleets/fleets.js';
import { FRESH_MS } from '../keys.js';
import { DeviceAddress } from './device-address.js';
import { countPresence, listDevices, readDevice } from './devices.js';
import { type PresenceOutcome, recordPresence } from './presence.js';

let store: StoreUnderTest;
let lamp: DeviceAddress;
withDevice((setup) => {
  ({ store, device: lamp } = setup);
});

type Telemetry = 'latest' | 'keep';
const birth = (session: number, telemetry?: Telemetry) => ({
  online: true as const,
  session,
  ...(telemetry && { telemetry }),
});
const will = (session: number) => ({ online: false as const, session });
/** Records messages of one device, in order. */
const record = (
  ...messages: (ReturnType<typeof birth> | ReturnType<typeof will>)[]
): Promise<PresenceOutcome[]> =>
  recordPresence(
    store.redis,
    messages.map((message) => ({ address: lamp, message })),
  );
/** A delayed replica records a message that arrived `ms` ago. */
async function recordAfter(ms: number, message: ReturnType<typeof birth> | ReturnType<typeof will>) {
  const arrivedAt = performance.now() - ms;
  return (await recordPresence(store.redis, [{ address: lamp, message, arrivedAt }]))[0];
}
/** Moves the arrival of the latest message into the past. */
async function arrivedBefore(ms: number): Promise<void> {
  const sessions = (await store.redis.hget(lamp.deviceKey, 'sessions'))!;
  const earlier = sessions.replace(/^\d+/, (at) => String(Number(at) - ms));
  await store.redis.hset(lamp.deviceKey, 'sessions', earlier);
}
const retained = async (message: ReturnType<typeof birth> | ReturnType<typeof will>) =>
  (await recordPresence(store.redis, [{ address: lamp, message, mayBeOld: true }]))[0];
const device = (address = lamp) => readDevice(store.redis, address.fleet, address.device);
const command = (policy: 'latest' | 'now' = 'latest') =>
  enqueueCommand(store.redis, {
    fleet: lamp.fleet,
    device: lamp.device,
    lane: 'led_on',
    policy,
    ttl: 60_000,
    action: { led_on: true },
  });

describe('a session', () => {
  it('ends with a will that the same replica received after the birth, even if the birth was recorded late', async () => {
    const arrivedAt = performance.now() - 50;
    const recordAs = async (replica: string, number: number, message: Parameters<typeof recordAfter>[1]) =>
      (
        await recordPresence(store.redis, [
          { address: lamp, message, arrivedAt, recorder: { replica, number } },
        ])
      )[0];
    expect(await recordAs('a', 1, birth(1))).toBe('born');
    // The recorded arrival of the birth is too late.
    await arrivedBefore(-40);
    expect(await recordAs('b', 7, will(1))).toBe('ignored');
    expect(await recordAs('a', 2, will(1))).toBe('gone');
    expect(await recordAs('a', 1, birth(1))).toBe('ignored');
    expect(await recordAs('a', 3, birth(1))).toBe('born');
    expect(await recordAs('a', 2, will(1))).toBe('ignored');
    expect(await device()).toMatchObject({ presence: 'online' });
  });

  it('starts with a birth and ends with its will', async () => {
    expect(await record(birth(7, 'keep'))).toEqual(['born']);
    expect(await device()).toMatchObject({
      presence: 'online',
      session: { id: 7, online: true, telemetry: 'keep' },
    });
    expect(await record(will(7))).toEqual(['gone']);
    expect(await device()).toMatchObject({ presence: 'offline', session: { id: 7, online: false } });
  });

  it('is not ended by a late will of an earlier session', async () => {
    expect(await record(birth(7), birth(8), will(7))).toEqual(['born', 'took_over', 'ignored']);
    expect(await device()).toMatchObject({ presence: 'online', session: { id: 8, online: true } });
  });

  it('is not started again by its own birth after its will, when two replicas record them', async () => {
    expect(await record(birth(7), will(7))).toEqual(['born', 'gone']);
    expect(await recordAfter(2000, birth(7))).toBe('ignored');
    expect(await device()).toMatchObject({ presence: 'offline' });
  });

  it('is not replaced by the birth of an earlier session that a replica records late', async () => {
    expect(await record(birth(7), birth(8))).toEqual(['born', 'took_over']);
    expect(await recordAfter(2000, birth(7))).toBe('ignored');
    expect(await record(birth(7))).toEqual(['ignored']); // too soon after the latest message to be a new one
    expect(await device()).toMatchObject({ session: { id: 8 } });
  });

  it.each<[what: string, wrong: number]>([
    ['far in the future', 64_698_438_051_149],
    ['from a clock a day ahead', Date.now() + 86_400_000],
    ['that is the largest possible', Number.MAX_SAFE_INTEGER],
  ])('starts with a live birth, although the one before had a number %s', async (_what, wrong) => {
    const right = Date.now();
    expect(await record(birth(wrong), birth(right, 'keep'), will(wrong))).toEqual([
      'born',
      'took_over',
      'ignored',
    ]);
    expect(await device()).toMatchObject({ presence: 'online', session: { id: right, telemetry: 'keep' } });
    expect(await command('now')).toMatchObject({ outcome: 'enqueued' });
    expect(await record(will(right))).toEqual(['gone']);
  });

  it('can have a lower number after the clock was set, and is not ended by a will with a higher one', async () => {
    const earlier = Date.now();
    expect(await record(birth(earlier), birth(4000), will(earlier))).toEqual([
      'born',
      'took_over',
      'ignored',
    ]);
    expect(await record(will(4000), birth(earlier + 1))).toEqual(['gone', 'born']);
  });

  it('can always have the same number', async () => {
    expect(await record(birth(1), will(1))).toEqual(['born', 'gone']);
    await arrivedBefore(2000);
    expect(await record(birth(1))).toEqual(['born']);
    await arrivedBefore(2000);
    expect(await record(birth(1, 'keep'))).toEqual(['took_over']);
    expect(await device()).toMatchObject({ presence: 'online', session: { id: 1, telemetry: 'keep' } });
    // The will of an earlier connection looks like its own; the next reading makes the device online again.
    await arrivedBefore(2000);
    expect(await record(will(1))).toEqual(['gone']);
    await timePasses(store.redis, 1001, lamp);
    await new Replica(store.redis).accept(lamp, [reading({ light: 1 })]);
    expect(await device()).toMatchObject({ presence: 'online' });
  });

  it('of two programs with the same id is that of the one that connected last', async () => {
    await record(birth(5), birth(9));
    await arrivedBefore(2000);
    expect(await record(birth(5), will(9))).toEqual(['took_over', 'ignored']);
  });

  it('starts even if the clock went backwards in the meantime', async () => {
    await record(birth(7));
    await arrivedBefore(-3_600_000);
    expect(await record(birth(3))).toEqual(['took_over']);
  });

  it('takes over from an open session, or returns after silence', async () => {
    expect(await record(birth(1), birth(2))).toEqual(['born', 'took_over']);
    await timePasses(store.redis, FRESH_MS + 1000, lamp);
    expect(await record(birth(3), will(3), birth(4))).toEqual(['returned', 'gone', 'born']);
  });

  it('can end without a recorded birth', async () => {
    expect(await record(birth(7), will(8), birth(9))).toEqual(['born', 'gone', 'born']);
    expect(await device()).toMatchObject({ presence: 'online', session: { id: 9 } });
  });

  it('can have the largest possible number', async () => {
    const largest = Number.MAX_SAFE_INTEGER;
    expect(await record(birth(largest - 1), will(largest - 2), will(largest))).toEqual([
      'born',
      'ignored',
      'gone',
    ]);
  });

  it('has the telemetry policy of its birth, latest by default', async () => {
    await record(birth(1));
    expect((await device())?.session?.telemetry).toBe('latest');
  });
});

describe('a repeated message', () => {
  it('changes nothing if it is the retained birth of the current session', async () => {
    await record(birth(7));
    await timePasses(store.redis, FRESH_MS + 1000, lamp);
    const before = await device();
    expect(await record(birth(7), birth(7))).toEqual(['known', 'known']);
    expect(await device()).toEqual(before);
    expect(before).toMatchObject({ presence: 'stale' });
  });

  it('changes nothing if it is the retained birth of an earlier session, restored by the broker', async () => {
    await record(birth(4), birth(9), birth(7));
    await arrivedBefore(60_000);
    expect([await retained(birth(9)), await retained(birth(4)), await retained(will(4))]).toEqual([
      'ignored',
      'ignored',
      'ignored',
    ]);
    expect(await device()).toMatchObject({ presence: 'online', session: { id: 7 } });
  });

  it('starts a session if it is retained and its session is unknown: the services were down when it was published', async () => {
    await record(birth(Date.now() + 86_400_000));
    await arrivedBefore(60_000);
    expect(await retained(birth(4000, 'keep'))).toBe('took_over');
    expect(await device()).toMatchObject({ session: { id: 4000, telemetry: 'keep' } });
  });

  it('is known if an earlier version recorded its session', async () => {
    await record(birth(7));
    await store.redis.hdel(lamp.deviceKey, 'sessions');
    expect([await retained(birth(7)), ...(await record(birth(5), will(7)))]).toEqual([
      'known',
      'took_over',
      'ignored',
    ]);
  });

  it('changes nothing if it is a will', async () => {
    expect(await record(birth(7), will(7), will(7))).toEqual(['born', 'gone', 'ignored']);
  });
});

describe('freshness is independent of the session:', () => {
  it('a silent device with an open session is stale', async () => {
    await record(birth(7));
    await timePasses(store.redis, FRESH_MS + 1000, lamp);
    expect(await device()).toMatchObject({ presence: 'stale', session: { online: true } });
  });

  it('a reading makes a device online although its session has ended', async () => {
    await record(birth(7), will(7));
    await timePasses(store.redis, 1001, lamp);
    await new Replica(store.redis).accept(lamp, [reading({ light: 1 })]);
    expect(await device()).toMatchObject({ presence: 'online', session: { online: false } });
  });

  it('a device with only a pending command has never been seen', async () => {
    await command();
    expect(await device()).toMatchObject({ presence: 'never_seen', pendingCommands: 1 });
    expect(await device()).not.toHaveProperty('session');
    await record(birth(1));
    expect(await device()).toMatchObject({ presence: 'online', pendingCommands: 1 });
  });
});

describe('a command with policy now', () => {
  it.each<[outcome: string, what: string, prepare: () => Promise<unknown>]>([
    ['unreachable', 'was never seen', async () => {}],
    ['unreachable', 'said goodbye', () => record(birth(1), will(1))],
    [
      'unreachable',
      'is stale',
      async () => {
        await record(birth(1));
        await timePasses(store.redis, FRESH_MS + 1000, lamp);
      },
    ],
    ['enqueued', 'is online', () => record(birth(1))],
  ])('is %s if the device %s', async (outcome, _what, prepare) => {
    await prepare();
    expect(await command('now')).toMatchObject({ outcome });
  });

  it('does not create an unknown device', async () => {
    await command('now');
    expect(await device()).toBeUndefined();
    const { fleets } = await readFleets(store.redis, { limit: 1000 });
    expect(fleets.map(({ fleet }) => fleet)).not.toContain(lamp.fleet);
  });
});

it('devices are counted by presence, and the counts agree with the list', async () => {
  const fleet = store.newFleet();
  const named = (name: string) => new DeviceAddress(fleet, name, false);
  const states = { stale: 3, offline: 2, online: 4, never_seen: 1 };
  const recordAll = (
    state: string,
    count: number,
    messages: (ReturnType<typeof birth> | ReturnType<typeof will>)[],
  ) =>
    recordPresence(
      store.redis,
      Array.from({ length: count }, (_, i) =>
        messages.map((message) => ({ address: named(`${state}-${i}`), message })),
      ).flat(),
    );
  await recordAll('stale', states.stale, [birth(1)]);
  await timePasses(store.redis, FRESH_MS + 1000);
  await recordAll('offline', states.offline, [birth(1), will(1)]);
  await recordAll('online', states.online, [birth(1)]);
  await enqueueCommand(store.redis, {
    fleet,
    device: 'never_seen-0',
    lane: 'led',
    policy: 'latest',
    ttl: 60_000,
    action: { a: 1 },
  });

  expect(await countPresence(store.redis, fleet)).toEqual(states);
  for (const [presence, count] of Object.entries(states)) {
    const { devices } = await listDevices(store.redis, fleet, {
      limit: 100,
      presence: presence as keyof typeof states,
    });
    expect(devices.map(({ device }) => device)).toEqual(
      Array.from({ length: count }, (_, i) => `${presence}-${i}`),
    );
  }
});
