import { Replica, reading } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { DeviceQueue } from '../../test/device-queue.js';
import { withDeviceQueue } from '../../test/store-setup.js';
import { acknowledgeCommands } from '../delivery/acknowledge-commands.js';
import { claimCommands } from '../delivery/claim-commands.js';
import { requeueCommands } from '../delivery/requeue-commands.js';
import { DeviceAddress } from '../devices/device-address.js';
import { recordPresence } from '../devices/presence.js';
import { commandKeys, ledgerKey, rolloutsKey, WAKE_CHANNEL } from '../keys.js';
import { cancelCommand } from './cancel-command.js';
import { newCommandId } from './command-id.js';
import { enqueueCommand } from './enqueue-command.js';
import { isFinal, readCommand } from './read-commands.js';

const HOUR = 3_600_000;

let store: StoreUnderTest;
let robot: DeviceAddress;
let queue: DeviceQueue;
withDeviceQueue((setup) => {
  ({ store, device: robot, queue } = setup);
});

describe('a command', () => {
  it('is stored as requested, with its first transition', async () => {
    const action = { led_on: true, say: 'a\nb 100% ,;/{é}💡', nested: { list: [1, null] } };
    const taken = await queue.enqueue('on', { action, lane: 'led', policy: 'latest', ttl: 60_000 });
    const command = await queue.read('on');
    expect(taken).toEqual({
      ...{ outcome: 'enqueued', id: queue.id('on'), superseded: [], unknown: [], command },
      presence: 'online',
    });
    expect(command).toEqual({
      id: queue.id('on'),
      fleet: robot.fleet,
      device: robot.device,
      lane: 'led',
      seq: command!.createdAt,
      policy: 'latest',
      onFailure: 'skip',
      timeoutMs: 60_000,
      attempts: 5,
      source: 'api',
      action,
      state: 'pending',
      attempt: 0,
      createdAt: expect.any(Number),
      expiresAt: command!.createdAt + 60_000,
      transitions: [{ state: 'pending', at: command!.createdAt, attempt: 0, cause: 'api' }],
    });
  });

  it('keeps its trace for the replica that dispatches it', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const taken = await queue.enqueue('on', { traceparent });
    expect(taken).toMatchObject({ command: { source: 'api', traceparent } });
    expect(await queue.read('on')).toMatchObject({ source: 'api', traceparent });
    expect(await queue.claims()).toMatchObject([{ command: { traceparent } }]);
  });

  it('of a rollout names it, and is counted there', async () => {
    for (const name of ['on', 'off']) await queue.enqueue(name, { rollout: 'R1', lane: name });
    await queue.claim();
    await queue.acknowledge('on', 'succeeded');
    const rollout = { source: 'rollout', rollout: 'R1' };
    expect(await queue.read('on')).toMatchObject({
      ...rollout,
      transitions: [{ cause: 'rollout:R1' }, {}, {}],
    });
    expect(await store.redis.hgetall(rolloutsKey(robot.shard))).toEqual({
      'R1:enqueued': '2',
      'R1:succeeded': '1',
    });
    expect(await store.redis.hgetall(ledgerKey(robot.shard, robot.fleet))).toEqual({
      'issued:rollout': '2',
      succeeded: '1',
    });
  });

  it('of an earlier version, whose header ends after its policy, is delivered like any other', async () => {
    await queue.enqueue('up');
    const [key] = commandKeys(robot.shard) as [string];
    const value = (await store.redis.hget(key, queue.id('up')))!;
    await store.redis.hset(key, queue.id('up'), value.replace(' skip 60000 5 -', ''));
    expect(await queue.claim()).toEqual(['up dispatched 1']);
    expect(await queue.acknowledge('up', 'acknowledged')).toBe('acknowledged');
    expect(await queue.read('up')).toMatchObject({ onFailure: 'skip', timeoutMs: 60_000, attempts: 5 });
    expect(await queue.acknowledge('up', 'failed')).toBe('failed');
    await store.redis.hset(key, queue.id('up'), value); // the check after each test knows only the current form
  });

  it('has all its transitions, with time, cause and attempt', async () => {
    await queue.enqueue('up');
    await queue.claim();
    await queue.requeue('up', 1);
    await queue.wake();
    await queue.claim();
    await queue.acknowledge('up', 'acknowledged');
    await queue.acknowledge('up', 'succeeded');
    const { transitions } = (await queue.read('up'))!;
    expect(transitions.map(({ state, attempt, cause }) => `${state} ${attempt} ${cause}`)).toEqual([
      'pending 0 api',
      'dispatched 1 claim',
      'pending 0 unreachable',
      'dispatched 1 claim',
      'acknowledged 1 device',
      'succeeded 1 device',
    ]);
    const times = transitions.map(({ at }) => at);
    expect(times).toEqual([...times].sort());
  });

  it('is claimed with the properties of its device that a dispatcher needs', async () => {
    const plain = store.newDevice('plain-1');
    await new Replica(store.redis).accept(plain, [reading({ light: 1 })]);
    const plains = new DeviceQueue(store.redis, plain);
    await plains.enqueue('up');
    const [bare] = await plains.claims();
    expect(bare).toMatchObject({
      attempt: 1,
      announced: false,
      lesson: false,
      command: { fleet: plain.fleet, device: 'plain-1', lane: 'arm', action: { do: 'up' } },
    });
    const lesson = new DeviceAddress('s1', 's1', true);
    await new Replica(store.redis).accept(lesson, [reading({ light: 1 })]);
    const lessons = new DeviceQueue(store.redis, lesson);
    await lessons.enqueue('on');
    expect(await lessons.claims()).toMatchObject([{ announced: false, lesson: true }]);
    // A device that publishes a birth has its own command topic.
    const namesake = new DeviceAddress('s2', 's2', true);
    await new Replica(store.redis).accept(namesake, [reading({ light: 1 })]);
    await recordPresence(store.redis, [{ address: namesake, message: { online: true, session: 1 } }]);
    const announced = new DeviceQueue(store.redis, namesake);
    await announced.enqueue('on');
    expect(await announced.claims()).toMatchObject([{ announced: true, lesson: false }]);
  });

  it('wakes the dispatchers of its shard', async () => {
    const subscriber = store.redis.duplicate({ enableOfflineQueue: true });
    const woken = new Promise((resolve) => subscriber.on('message', (_channel, shard) => resolve(shard)));
    await subscriber.subscribe(WAKE_CHANNEL);
    await queue.enqueue('up');
    expect(await woken).toBe(String(robot.shard));
    subscriber.disconnect();
  });

  it('is not found by an invented id', async () => {
    for (const id of [
      '',
      'x',
      newCommandId(robot.shard),
      `${newCommandId(0)}0`,
      `${'0'.repeat(26)}-64`,
      '__proto__',
      '*',
    ]) {
      expect(await readCommand(store.redis, id)).toBeUndefined();
      expect(await cancelCommand(store.redis, id)).toEqual({ state: 'missing', isOurs: false });
      const answered = await acknowledgeCommands(store.redis, [
        { device: robot.name, acknowledgement: { id, status: 'succeeded' }, cause: 'device' },
      ]);
      expect(answered).toMatchObject([{ outcome: 'missing' }]);
      await requeueCommands(store.redis, [
        { id, device: robot.name, attempt: 1, claimedAt: 1, waitMs: 0, cause: 'unreachable' },
      ]);
    }
  });

  it('has seven final and three open states', () => {
    expect((['pending', 'dispatched', 'acknowledged'] as const).map(isFinal)).toEqual([false, false, false]);
    expect((['succeeded', 'unknown', 'superseded'] as const).map(isFinal)).toEqual([true, true, true]);
  });
});

describe('a list of commands', () => {
  it('is newest first, in pages without gaps or repetitions', async () => {
    const names = Array.from({ length: 25 }, (_, i) => `c${i}`);
    for (const name of names) await queue.enqueue(name);
    const listed: string[] = [];
    for (let page = await queue.list(10); page.length > 0; page = await queue.list(10, page.at(-1)!.id))
      listed.push(...page.map(({ id }) => queue.name(id)));
    expect(listed).toEqual([...names].reverse());
  });

  it('never includes another device, with any cursor', async () => {
    const neighbours = ['robot-0', 'robot-10', 'robot-2'].map(
      (name) => new DeviceQueue(store.redis, new DeviceAddress(robot.fleet, name, false)),
    );
    for (const one of neighbours) await one.enqueue('theirs');
    await queue.enqueue('mine');
    for (const before of ['', '~', '/', '../robot-2/', '\xff', '+', '-', 'Z']) {
      const listed = await queue.list(10, before);
      expect(listed.every(({ device }) => device === 'robot-1')).toBe(true);
    }
  });
});

it('commands of many shards are claimed in one call', async () => {
  const queues = Array.from({ length: 10 }, () => new DeviceQueue(store.redis, store.newDevice()));
  for (const one of queues) {
    await one.connect();
    await one.enqueue('on');
  }
  const shards = [...new Set(queues.map(({ address }) => address.shard))];
  const claims = await claimCommands(store.redis, shards, 100);
  expect(claims.map(({ command }) => command.fleet).sort()).toEqual(
    queues.map(({ address }) => address.fleet).sort(),
  );
  expect(await claimCommands(store.redis, [], 100)).toEqual([]);
});

it('every key of a command is in the shard of its device', async () => {
  await enqueueCommand(store.redis, {
    fleet: robot.fleet,
    device: robot.device,
    lane: 'a',
    policy: 'latest',
    ttl: HOUR,
    action: { a: 1 },
    idempotency: { key: 'k', request: '' },
  });
  const keys = await store.redis.keys('*');
  expect(keys).toEqual(
    expect.arrayContaining(commandKeys(robot.shard).filter((key) => !key.endsWith(':answers'))),
  );
  expect(keys.every((key) => key.startsWith(`{${robot.shard}}:`))).toBe(true);
});
