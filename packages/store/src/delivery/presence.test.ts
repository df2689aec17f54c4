import { emitted, type Replica, reading } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { DeviceQueue } from '../../test/device-queue.js';
import { withDeviceQueue } from '../../test/store-setup.js';
import type { DeviceAddress } from '../devices/device-address.js';
import { recordPresence } from '../devices/presence.js';
import { commandKeys, FRESH_MS, LEASE_MS } from '../keys.js';
import { removeDevices } from '../removal/remove-devices.js';
import { acknowledgeCommands } from './acknowledge-commands.js';
import { claimCommands, findDueShards } from './claim-commands.js';

const MINUTE = 60_000;

let store: StoreUnderTest;
let lamp: DeviceAddress;
let queue: DeviceQueue;
let rules: Replica;
withDeviceQueue(
  (setup) => {
    ({ store, device: lamp, queue, rules } = setup);
  },
  { name: 'lamp-1', isConnected: false },
);

const report = () => rules.accept(lamp, [reading({ light: 1 })]);
const recordBirth = (session: number, more: object = {}) =>
  recordPresence(store.redis, [{ address: lamp, message: { online: true, session, ...more } }]);
const recordWill = (session: number) => queue.leave(session);
const transitions = async (name: string) =>
  (await queue.read(name))!.transitions.map(({ state, attempt, cause }) => `${state} ${attempt} ${cause}`);

describe('a command for an unreachable device', () => {
  const AWAY: readonly [string, () => Promise<unknown>][] = [
    ['has never reported', async () => undefined],
    ['said goodbye', async () => [await recordBirth(1), await recordWill(1)]],
    ['is silent, without a session', async () => [await report(), await queue.pass(FRESH_MS + 1000)]],
    [
      'is silent after its will',
      async () => [
        await recordBirth(1),
        await recordWill(1),
        await report(),
        await queue.pass(FRESH_MS + 1000),
      ],
    ],
    [
      'is asleep',
      async () => [await recordBirth(1, { sleeps: 10 * MINUTE }), await queue.pass(FRESH_MS + 1000)],
    ],
    [
      'sleeps for too long',
      async () => [await recordBirth(1, { sleeps: 10 * MINUTE }), await queue.pass(16 * MINUTE)],
    ],
    ['was removed', async () => [await recordBirth(1), await removeDevices(store.redis, [lamp])]],
    [
      'sleeps after its goodbye',
      async () => [await recordBirth(1, { sleeps: 10 * MINUTE }), await recordWill(1)],
    ],
  ];

  it.each(AWAY)('waits without an attempt, and is not due: the device %s', async (_, leave) => {
    await leave();
    await queue.enqueue('on', { policy: 'latest' });
    const due = () => store.redis.zscore(commandKeys(lamp.shard)[5]!, queue.id('on'));
    const before = await due();
    expect(Number(before)).toBe((await queue.read('on'))!.expiresAt);
    expect((await findDueShards(store.redis)).shards).toEqual([]);
    expect([await queue.claim(), await due(), await transitions('on')]).toEqual([
      [],
      before,
      ['pending 0 api'],
    ]);
  });

  it.each(AWAY)('is dispatched after the next reading: the device %s', async (_, leave) => {
    await leave();
    await queue.enqueue('on', { policy: 'latest' });
    await queue.pass(1001);
    expect((await report()).returnedFrom).toBeDefined();
    await queue.wake();
    expect(await queue.claim()).toEqual(['on dispatched 1']);
  });

  it.each(AWAY)('is dispatched after the next birth: the device %s', async (_, leave) => {
    await leave();
    await queue.enqueue('on', { policy: 'latest' });
    await recordBirth(2);
    await queue.wake();
    expect(await queue.claim()).toEqual(['on dispatched 1']);
  });

  it.each(AWAY)('expires without a dispatch: the device %s', async (_, leave) => {
    await leave();
    await queue.enqueue('on', { ttl: MINUTE });
    await queue.pass(MINUTE);
    expect(await queue.claim()).toEqual(['on expired 0']);
  });

  it.each(AWAY)('is rejected with policy now: the device %s', async (_, leave) => {
    await leave();
    expect(await queue.enqueue('open', { policy: 'now' })).toEqual({ outcome: 'unreachable' });
  });

  const ORDERS = [
    ['enqueue', 'birth', 'wake', 'claim'],
    ['enqueue', 'birth', 'claim', 'wake'],
    ['enqueue', 'claim', 'birth', 'wake'],
    ['birth', 'enqueue', 'wake', 'claim'],
    ['birth', 'enqueue', 'claim', 'wake'],
    ['birth', 'wake', 'enqueue', 'claim'],
    ['birth', 'wake', 'claim', 'enqueue'],
    ['birth', 'claim', 'enqueue', 'wake'],
    ['birth', 'claim', 'wake', 'enqueue'],
    ['claim', 'enqueue', 'birth', 'wake'],
    ['claim', 'birth', 'enqueue', 'wake'],
    ['claim', 'birth', 'wake', 'enqueue'],
  ] as const;

  it.each(ORDERS)('is dispatched once in every order of events: %s, %s, %s, %s', async (...order) => {
    const claimed: string[] = [];
    const steps = {
      enqueue: () => queue.enqueue('on', { policy: 'latest' }),
      birth: () => recordBirth(1),
      wake: () => queue.wake(),
      claim: async () => claimed.push(...(await queue.claim())),
    };
    for (const step of order) await steps[step]();
    await steps.claim();
    expect(claimed).toEqual(['on dispatched 1']);
  });

  it('is only the newest of its lane when the device returns', async () => {
    for (const name of ['on', 'off', 'on again', 'off again'])
      await queue.enqueue(name, { policy: 'latest' });
    await recordBirth(1);
    await queue.wake();
    expect(await queue.claim()).toEqual(['off again dispatched 1']);
  });

  it('waits again after an unacknowledged dispatch, and keeps the attempt', async () => {
    await recordBirth(1);
    await queue.enqueue('on');
    expect(await queue.claim()).toEqual(['on dispatched 1']);
    await recordWill(1);
    await queue.pass(LEASE_MS);
    expect(await queue.claim()).toEqual([]);
    expect(await transitions('on')).toEqual(['pending 0 api', 'dispatched 1 claim', 'pending 1 away']);
    await recordBirth(2);
    await queue.wake();
    expect(await queue.claim()).toEqual(['on dispatched 2']);
  });

  it('waits again after a timeout', async () => {
    await recordBirth(1);
    await queue.enqueue('up', { timeoutMs: MINUTE });
    await queue.claim();
    await queue.acknowledge('up', 'acknowledged');
    await recordWill(1);
    await queue.pass(MINUTE);
    expect([await queue.claim(), (await transitions('up')).at(-1)]).toEqual([[], 'pending 1 away']);
    expect(await queue.acknowledge('up', 'succeeded')).toBe('succeeded');
  });

  it('waits if a rule emitted it by a timer, and is dispatched immediately with a reading', async () => {
    await report();
    await recordWill(1);
    const byTimer = {
      ...rules.evaluate(lamp, []),
      commands: [emitted(lamp)],
      timer: { at: undefined, exact: true },
    };
    const [timed] = await rules.send(byTimer);
    if (rules.adopt(lamp, timed!)) throw new Error('conflict');
    expect(timed!.commands).toMatchObject([{ state: 'pending' }]);
    await queue.pass(1001);
    const outcome = await rules.accept(lamp, [reading({ light: 2 })], { commands: [emitted(lamp)] });
    expect(outcome.commands).toMatchObject([{ state: 'dispatched' }]);
  });
});

describe('a command for a stale device, whose session is open', () => {
  const stale = async () => {
    await recordBirth(1);
    await queue.pass(FRESH_MS + 1000);
  };
  const lapse = async (attempts: number) => {
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      expect(await queue.claim()).toEqual([`on dispatched ${attempt}`]);
      await queue.pass(LEASE_MS * 2 ** (attempt - 1));
    }
  };

  it('is dispatched immediately, because the device may have nothing to report', async () => {
    await stale();
    await queue.enqueue('on');
    expect(await queue.claim()).toEqual(['on dispatched 1']);
    expect(await queue.acknowledge('on', 'succeeded')).toBe('succeeded');
  });

  it.each([2, 3, 5])('waits for a sign of life before the last of its %i attempts', async (attempts) => {
    await stale();
    await queue.enqueue('on', { attempts });
    await lapse(attempts - 1);
    expect(await queue.claim()).toEqual([]);
    expect((await transitions('on')).at(-1)).toBe(`pending ${attempts - 1} away`);
    // A command that was woken for another reason waits again.
    await queue.wake();
    await queue.pass(MINUTE);
    expect(await queue.claim()).toEqual([]);
    expect((await report()).returnedFrom).toBeDefined();
    await queue.wake();
    expect(await queue.claim()).toEqual([`on dispatched ${attempts}`]);
  });

  it('is woken by a birth before its last attempt', async () => {
    await stale();
    await queue.enqueue('on', { attempts: 2 });
    await lapse(1);
    expect(await queue.claim()).toEqual([]);
    await recordBirth(2);
    await queue.wake();
    expect(await queue.claim()).toEqual(['on dispatched 2']);
  });

  it('is woken by an acknowledgement before its last attempt', async () => {
    await stale();
    await queue.enqueue('on', { attempts: 2 });
    await queue.enqueue('beep', { attempts: 2, lane: 'horn' });
    await queue.claim();
    await queue.pass(LEASE_MS);
    expect(await queue.claim()).toEqual([]);
    const said = await acknowledgeCommands(store.redis, [
      { device: lamp.name, acknowledgement: { id: queue.id('beep'), status: 'succeeded' }, cause: 'device' },
    ]);
    expect(said).toMatchObject([{ outcome: 'succeeded', isBack: true }]);
    await queue.wake();
    expect(await queue.claim()).toEqual(['on dispatched 2']);
  });

  it('is dispatched once if it has a single attempt', async () => {
    await stale();
    await queue.enqueue('on', { attempts: 1 });
    await lapse(1);
    expect(await queue.claim()).toEqual(['on unknown 1']);
  });

  it('ends exactly at its expiry', async () => {
    await stale();
    await queue.enqueue('on', { attempts: 2, ttl: 10 * MINUTE });
    await lapse(1);
    await queue.pass(9 * MINUTE);
    expect(await queue.claim()).toEqual([]);
    await queue.pass(MINUTE);
    expect(await queue.claim()).toEqual(['on unknown 1']);
  });

  it('is rejected with policy now, and expires if the device becomes silent before its turn', async () => {
    await recordBirth(1);
    for (const name of ['first', 'second']) await queue.enqueue(name, { policy: 'now' });
    await queue.claim();
    await queue.acknowledge('first', 'succeeded');
    await queue.pass(FRESH_MS + 2000);
    expect(await queue.claim()).toEqual(['second expired 0']);
    expect(await queue.enqueue('third', { policy: 'now' })).toEqual({ outcome: 'unreachable' });
  });

  it('is dispatched immediately if a rule emitted it by a timer', async () => {
    await recordBirth(1);
    await report();
    await queue.pass(FRESH_MS + 1000);
    const byTimer = {
      ...rules.evaluate(lamp, []),
      commands: [emitted(lamp)],
      timer: { at: undefined, exact: true },
    };
    const [timed] = await rules.send(byTimer);
    if (rules.adopt(lamp, timed!)) throw new Error('conflict');
    expect(timed!.commands).toMatchObject([{ state: 'dispatched' }]);
  });
});

describe('policy now', () => {
  it('ends immediately if its device is unreachable when its turn comes', async () => {
    await queue.connect();
    for (const name of ['first', 'second']) await queue.enqueue(name, { policy: 'now' });
    expect(await queue.claim()).toEqual(['first dispatched 1']);
    await queue.acknowledge('first', 'succeeded');
    await queue.leave();
    expect(await queue.claim()).toEqual(['second expired 0']);
    expect((await transitions('second')).at(-1)).toBe('expired 0 unreachable');
  });

  it('ends as unknown if it was dispatched before its device left', async () => {
    await queue.connect();
    await queue.enqueue('open', { policy: 'now' });
    await queue.claim();
    await queue.leave();
    await queue.pass(LEASE_MS);
    expect(await queue.claim()).toEqual(['open unknown 1']);
  });
});

describe('a sleeping device', () => {
  const sleeps = 10 * MINUTE;

  it('takes commands while it is awake: for a while after a message, and until it leaves', async () => {
    await recordBirth(1, { sleeps });
    await queue.enqueue('a', { lane: 'a' });
    expect(await queue.claim()).toEqual(['a dispatched 1']);
    await queue.pass(FRESH_MS + 1000);
    await queue.enqueue('b', { lane: 'b' });
    expect(await queue.claim()).toEqual([]);
    // It reports within the same session, so it is awake again.
    expect(await report()).toMatchObject({ returnedFrom: 'away' });
    await queue.wake();
    expect((await queue.claim()).sort()).toEqual(['a dispatched 2', 'b dispatched 1']);
    await recordWill(1);
    await queue.enqueue('c', { lane: 'c' });
    expect(await queue.claim()).toEqual([]);
  });
});

describe('a device that announces how often it reports', () => {
  it('is reachable for one and a half times that interval, and until its will', async () => {
    await recordBirth(1, { reports: 10 * MINUTE });
    await queue.pass(14 * MINUTE);
    await queue.enqueue('a', { lane: 'a' });
    expect(await queue.claim()).toEqual(['a dispatched 1']);
    await queue.pass(2 * MINUTE);
    expect(await queue.enqueue('b', { lane: 'b', policy: 'now' })).toEqual({ outcome: 'unreachable' });
    await report();
    await queue.pass(14 * MINUTE);
    await queue.enqueue('b', { lane: 'b', policy: 'now' });
    expect(await queue.claim()).toContain('b dispatched 1');
    await recordWill(1);
    await queue.enqueue('c', { lane: 'c' });
    expect(await queue.claim()).toEqual([]);
  });
});

describe('a device that returns', () => {
  it('is detected by its next reading although its will arrived within a second of its last one', async () => {
    await rules.accept(lamp, [reading({ light: 1 })]);
    await recordBirth(1);
    await recordWill(1);
    await queue.enqueue('on');
    const sameSecond = await rules.accept(lamp, [reading({ light: 2 })]);
    await queue.pass(1500);
    const next = await report();
    expect([sameSecond.returnedFrom, next.returnedFrom]).toContain('away');
    await queue.wake();
    expect(await queue.claim()).toEqual(['on dispatched 1']);
  });

  it('is reported again after a while if the replica crashed before it woke the pending commands', async () => {
    await queue.enqueue('on');
    expect((await report()).returnedFrom).toBe('away');
    await store.redis.hset(lamp.deviceKey, 'back', Date.now() - 6000);
    await queue.pass(1500);
    expect((await report()).returnedFrom).toBe('away');
    await queue.wake();
    await queue.pass(1500);
    expect((await report()).returnedFrom).toBeUndefined();
  });

  it('is detected by its acknowledgement', async () => {
    await recordBirth(1, { sleeps: 10 * MINUTE });
    for (const lane of ['a', 'b']) await queue.enqueue(lane, { lane });
    await queue.claim(1);
    await queue.pass(FRESH_MS + 1000);
    await queue.claim();
    const [taken] = (await queue.list()).filter(({ attempt }) => attempt > 0);
    const said = await acknowledgeCommands(store.redis, [
      { device: lamp.name, acknowledgement: { id: taken!.id, status: 'succeeded' }, cause: 'device' },
    ]);
    expect(said).toMatchObject([{ outcome: 'succeeded', isBack: true }]);
    await queue.wake();
    expect(await queue.claim()).toHaveLength(1);
  });

  it('is not online after an acknowledgement that is read after its will', async () => {
    await recordBirth(1);
    await queue.enqueue('on');
    await queue.claim();
    await queue.enqueue('off');
    await recordWill(1);
    expect(await queue.acknowledge('on', 'succeeded')).toBe('succeeded');
    expect(await queue.claim()).toEqual([]);
  });
});

it('a claim reports the shards that can have more due commands than its limit', async () => {
  const there = new DeviceQueue(store.redis, store.newDevice());
  await there.connect();
  const { shard } = there.address;
  await there.enqueue('on');
  const more: number[] = [];
  const claims = await claimCommands(store.redis, [shard], 1, (full) => more.push(full));
  expect([claims.length, more]).toEqual([1, [shard]]);
});
