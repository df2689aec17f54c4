import { emitted, Replica } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { numbered } from '../../test/readings.js';
import { withDevice } from '../../test/store-setup.js';
import { listCommands } from '../commands/read-commands.js';
import type { DeviceAddress } from '../devices/device-address.js';
import { readDevice } from '../devices/devices.js';
import { readWindows } from '../devices/windows.js';
import { groupKey, timersKey } from '../keys.js';
import { exactVersion } from './state-version.js';
import { claimTimers, removeTimer, setTimers, type Timer } from './timers.js';

let store: StoreUnderTest;
let lamp: DeviceAddress;
let rules: Replica;
withDevice((setup) => {
  ({ store, device: lamp, rules } = setup);
});
beforeEach(() => rules.accept(lamp, numbered(1)));

const score = () => store.redis.zscore(timersKey(lamp.shard), `device/${lamp.name}`);
async function setTimer(timer: Timer, value: number) {
  const [outcome] = await rules.send({ ...rules.evaluate(lamp, numbered(value)), timer });
  expect(outcome!.kind).toBe('accepted');
  return Number(await score());
}
const exact = async (address = lamp) => {
  const [window] = await readWindows(store.redis, [{ address, depth: 240 }]);
  return exactVersion(rules.cache.get(address.name)!.version, window!.count, window!.late);
};
/** A part without readings, as a timer produces it. */
const tick = async (changes: object = {}) => ({
  ...rules.evaluate(lamp, []),
  version: await exact(),
  timer: { at: undefined, exact: true },
  ...changes,
});

describe('a timer', () => {
  it('moves to an earlier time with a reading, and to a later one only if it is exact', async () => {
    expect(await setTimer({ at: 5000, exact: false }, 2)).toBe(5000);
    expect(await setTimer({ at: 9000, exact: false }, 3)).toBe(5000);
    expect(await setTimer({ at: 4000, exact: false }, 4)).toBe(4000);
    expect(await setTimer({ at: 9000, exact: true }, 5)).toBe(9000);
    await setTimer({ at: undefined, exact: true }, 6);
    expect(await score()).toBeNull();
  });

  it('is not set by a rejected part', async () => {
    const part = rules.evaluate(lamp, numbered(2));
    await rules.send({ ...part, version: 'someone.1', timer: { at: 5000, exact: false } });
    expect(await score()).toBeNull();
  });

  it('is claimed once when due, and again after the lease', async () => {
    const now = Number((await store.redis.time())[0]) * 1000;
    await setTimer({ at: now - 1, exact: false }, 2);
    const mine = { kind: 'device', fleet: lamp.fleet, name: lamp.device };
    expect(await claimTimers(store.redis)).toContainEqual(mine);
    expect(await claimTimers(store.redis)).not.toContainEqual(mine);
    expect(Number(await score())).toBeGreaterThan(now);
    await store.redis.zadd(timersKey(lamp.shard), now - 1, `device/${lamp.name}`);
    expect(await claimTimers(store.redis)).toContainEqual(mine);
    await removeTimer(store.redis, { kind: 'device', fleet: lamp.fleet, name: lamp.device });
    expect(await score()).toBeNull();
  });

  it('is claimed among thousands of others, up to the limit', async () => {
    const others = Array.from({ length: 300 }, (_, i) => [i, `device/${lamp.fleet}/other-${i}`]).flat();
    await store.redis.zadd(timersKey(lamp.shard), ...others, 299, `device/${lamp.name}`);
    const found = new Set<string>();
    for (;;) {
      const some = await claimTimers(store.redis);
      expect(some.length).toBeLessThanOrEqual(128);
      for (const { name } of some) found.add(name);
      if (some.length === 0) break;
    }
    expect(found).toContain(lamp.device);
    expect(found.size).toBeGreaterThan(300);
    await store.redis.del(timersKey(lamp.shard));
  });

  it('in the future is not claimed', async () => {
    await setTimer({ at: Date.now() + 60_000, exact: false }, 2);
    expect((await claimTimers(store.redis)).map(({ name }) => name)).not.toContain(lamp.device);
  });

  it('is set for every device in a scope, and an earlier one stays', async () => {
    await setTimer({ at: 4000, exact: false }, 2);
    expect(
      await setTimers(store.redis, lamp.fleet, [[`${lamp.device.slice(0, 4)}*`], '*'], 9000),
    ).toBeGreaterThan(0);
    expect(Number(await score())).toBe(4000);
    await store.redis.zrem(timersKey(lamp.shard), `device/${lamp.name}`);
    expect(await setTimers(store.redis, lamp.fleet, [['unknown-*'], [lamp.device]], 9000)).toBe(1);
    expect(Number(await score())).toBe(9000);
    expect(await setTimers(store.redis, lamp.fleet, [['unknown-*']], 9000)).toBe(0);
    // A named device has a timer although it has never reported.
    expect(await setTimers(store.redis, lamp.fleet, [['unknown']], 9000)).toBe(1);
    await removeTimer(store.redis, { kind: 'device', fleet: lamp.fleet, name: 'unknown' });
  });
});

describe('the verdict of a timer', () => {
  it('changes rule states and enqueues commands, which wait if the device is silent', async () => {
    const before = await readDevice(store.redis, lamp.fleet, lamp.device);
    await store.redis.zadd(lamp.presenceKey, 1, lamp.device);
    const part = await tick({ rules: '{"silent":{"raised":true}}', commands: [emitted(lamp)] });
    expect(await rules.send(part)).toMatchObject([{ kind: 'accepted', commands: [{ state: 'pending' }] }]);
    const after = await readDevice(store.redis, lamp.fleet, lamp.device);
    expect(after).toMatchObject({ presence: 'stale', last: before!.last });
    expect(await store.redis.hget(lamp.deviceKey, 'rules')).toBe('{"silent":{"raised":true}}');
  });

  it('is accepted once when it is repeated because the reply was lost', async () => {
    const part = await tick({ rules: '{"silent":{"raised":true}}', commands: [emitted(lamp)] });
    expect((await rules.send(part))[0]!.kind).toBe('accepted');
    expect((await rules.send(part))[0]!.kind).toBe('repeated');
    expect(await listCommands(store.redis, lamp.fleet, lamp.device, { limit: 10 })).toHaveLength(1);
  });

  it('is a conflict if the device has reported in the meantime', async () => {
    const part = await tick();
    await new Replica(store.redis).accept(lamp, numbered(2));
    expect((await rules.send(part))[0]!.kind).toBe('conflict');
  });
});

describe('a verdict on the window', () => {
  it('is a conflict if another live or late reading has entered it', async () => {
    await rules.accept(lamp, numbered(5));
    const stale = await exact();
    await rules.accept(lamp, numbered(3));
    expect((await rules.send({ ...rules.evaluate(lamp, numbered(6)), version: stale }))[0]!.kind).toBe(
      'conflict',
    );
    expect(
      (await rules.send({ ...rules.evaluate(lamp, numbered(7)), version: await exact() }))[0]!.kind,
    ).toBe('accepted');
  });

  it('reads all entries, oldest first', async () => {
    await rules.accept(lamp, numbered(5));
    await rules.accept(lamp, numbered(3));
    const [window] = await readWindows(store.redis, [{ address: lamp, depth: 240 }]);
    expect(window).toMatchObject({ count: 2, late: 1 });
    expect(window!.readings.map(({ seq }) => seq)).toEqual([1, 3, 5]);
    const unknown = store.newDevice();
    expect(await readWindows(store.redis, [{ address: unknown, depth: 1 }])).toEqual([
      { readings: [], count: 0, late: 0 },
    ]);
  });
});

describe('a vote', () => {
  it('is stored with the time of its reading, and replaced by the next one', async () => {
    const group = groupKey(lamp.fleet, 'stadium');
    for (const [value, vote] of [
      [2, '1,7'],
      [3, '0,7'],
    ] as const)
      await rules.send({ ...rules.evaluate(lamp, numbered(value)), votes: [{ groupKey: group, vote }] });
    const votes = await store.redis.hgetall(group);
    expect(Object.keys(votes)).toEqual([`v:${lamp.device}`]);
    expect(votes[`v:${lamp.device}`]).toMatch(/^\d{13},0,7$/);
  });

  it('is rejected and counted when the group has reached its limit', async () => {
    const group = groupKey(lamp.fleet, 'crowd');
    await store.redis.hset(
      group,
      'state',
      '{}',
      'version',
      '1',
      ...Array.from({ length: 1000 }, (_, i) => [`v:other-${i}`, '1,1,1']).flat(),
    );
    const part = { ...rules.evaluate(lamp, numbered(2)), votes: [{ groupKey: group, vote: '1,1' }] };
    expect(await rules.send(part)).toMatchObject([{ kind: 'accepted', rejectedVotes: 1 }]);
    expect(await store.redis.hlen(group)).toBe(1002);
  });
});
