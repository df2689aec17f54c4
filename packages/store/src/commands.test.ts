import { CommandDesk } from '../test/command-desk.js';
import { expectConsistentQueue } from '../test/expect-consistent-queue.js';
import { emitted, Replica, reading } from '../test/replica.js';
import { type StoreUnderTest, startStore } from '../test/store-under-test.js';
import { timePasses } from '../test/time-passes.js';
import { DeviceAddress, LEASE_MS } from './accept-readings.js';
import { newCommandId } from './command-id.js';
import {
  answerCommands,
  cancelCommand,
  claimCommands,
  enqueueCommand,
  isFinal,
  listCommands,
  MAX_ATTEMPTS,
  readCommand,
  requeueCommands,
  wakeDevices,
} from './commands.js';
import { COMMANDS_KEPT_PER_DEVICE, commandKeys, MAX_OPEN_COMMANDS, WAKE_CHANNEL } from './keys.js';
import { recordPresence } from './presence.js';

const HOUR = 3_600_000;

let store: StoreUnderTest;
let robot: DeviceAddress;
let desk: CommandDesk;
beforeAll(async () => {
  store = await startStore();
});
beforeEach(async () => {
  await store.redis.flushall();
  robot = store.newDevice('robot-1');
  desk = new CommandDesk(store.redis, robot);
});
afterEach(() => expectConsistentQueue(store.redis));

const pass = (ms: number) => timePasses(store.redis, ms);
const read = (name: string) => readCommand(store.redis, desk.id(name));
const list = (limit = 1000, before?: string) =>
  listCommands(store.redis, robot.fleet, robot.device, { limit, ...(before !== undefined && { before }) });

describe('a command', () => {
  it('is kept as it was asked for, with its first transition', async () => {
    const action = { led_on: true, say: 'a\nb 100% ,;/{é}💡', nested: { list: [1, null] } };
    const taken = await desk.enqueue('on', { action, lane: 'led', policy: 'latest', ttl: 60_000 });
    const command = await read('on');
    expect(taken).toEqual({ outcome: 'enqueued', id: desk.id('on'), superseded: [], command });
    expect(command).toEqual({
      id: desk.id('on'),
      fleet: robot.fleet,
      device: robot.device,
      lane: 'led',
      seq: 1,
      policy: 'latest',
      source: 'api',
      action,
      state: 'pending',
      attempt: 0,
      createdAt: expect.any(Number),
      expiresAt: command!.createdAt + 60_000,
      transitions: [{ state: 'pending', at: command!.createdAt, attempt: 0, cause: 'api' }],
    });
  });

  it('tells all its steps, with time, cause and attempt', async () => {
    await desk.enqueue('up');
    await desk.claim();
    await desk.requeue('up', 1);
    await desk.wake();
    await desk.claim();
    await desk.answer('up', 'acknowledged');
    await desk.answer('up', 'succeeded');
    const { transitions } = (await read('up'))!;
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

  it('is claimed with what a dispatcher needs to know of its device', async () => {
    await desk.enqueue('up');
    const [bare] = await desk.claims();
    expect(bare).toMatchObject({
      attempt: 1,
      announced: false,
      lesson: false,
      command: { fleet: robot.fleet, device: 'robot-1', lane: 'arm', seq: 1, action: { do: 'up' } },
    });
    const lesson = new DeviceAddress('s1', 's1', true);
    await new Replica(store.redis).take(lesson, [reading({ light: 1 })]);
    await recordPresence(store.redis, [{ address: lesson, message: { online: true, session: 1 } }]);
    const lessons = new CommandDesk(store.redis, lesson);
    await lessons.enqueue('on');
    expect(await lessons.claims()).toMatchObject([{ announced: true, lesson: true }]);
  });

  it('wakes the dispatchers of its shard when it is taken', async () => {
    const subscriber = store.redis.duplicate({ enableOfflineQueue: true });
    const heard = new Promise((resolve) => subscriber.on('message', (_channel, shard) => resolve(shard)));
    await subscriber.subscribe(WAKE_CHANNEL);
    await desk.enqueue('up');
    expect(await heard).toBe(String(robot.shard));
    subscriber.disconnect();
  });

  it('is nothing to anybody who makes up an id', async () => {
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
      expect(await cancelCommand(store.redis, id)).toBe('missing');
      const answered = await answerCommands(store.redis, [
        { device: robot.name, answer: { id, status: 'succeeded' }, cause: 'device' },
      ]);
      expect(answered).toMatchObject([{ outcome: 'missing' }]);
      await requeueCommands(store.redis, [{ id, attempt: 1, waitMs: 0, cause: 'unreachable' }]);
    }
  });

  it('is final in seven states and open in three', () => {
    expect((['pending', 'dispatched', 'acknowledged'] as const).map(isFinal)).toEqual([false, false, false]);
    expect((['succeeded', 'unknown', 'superseded'] as const).map(isFinal)).toEqual([true, true, true]);
  });
});

describe('an ordered lane', () => {
  it('dispatches one command after the answer to the one before', async () => {
    for (const name of ['up', 'grab', 'down']) await desk.enqueue(name);
    expect(await desk.claim()).toEqual(['up dispatched 1']);
    expect(await desk.claim()).toEqual([]);
    await desk.answer('up', 'acknowledged');
    expect(await desk.claim()).toEqual([]);
    await desk.answer('up', 'succeeded');
    expect(await desk.claim()).toEqual(['grab dispatched 1']);
    expect(await desk.answer('grab', 'failed')).toBe('failed');
    expect(await desk.claim()).toEqual(['down dispatched 1']);
  });

  it('holds up no other lane, and no other device', async () => {
    const other = new CommandDesk(store.redis, new DeviceAddress(robot.fleet, robot.device, false));
    await desk.enqueue('up');
    await desk.enqueue('light', { lane: 'led' });
    await desk.enqueue('lights', { lane: 'led.2' });
    expect((await desk.claim()).sort()).toEqual([
      'light dispatched 1',
      'lights dispatched 1',
      'up dispatched 1',
    ]);
    expect(await other.claim()).toEqual([]);
  });

  it('keeps its order beyond nine, and numbers on after all are done', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `step-${i}`);
    for (const name of names) await desk.enqueue(name);
    for (const name of names) {
      expect(await desk.claim()).toEqual([`${name} dispatched 1`]);
      await desk.answer(name, 'succeeded');
    }
    await desk.enqueue('more');
    expect((await read('more'))?.seq).toBe(13);
  });

  it.each<[what: string, ends: () => Promise<unknown>]>([
    ['is cancelled', () => desk.cancel('up')],
    ['expires', () => pass(HOUR + 1)],
    [
      'is given up',
      async () => {
        await desk.claim();
        await desk.answer('up', 'unknown');
      },
    ],
    [
      'is rejected',
      async () => {
        await desk.claim();
        await desk.answer('up', 'rejected');
      },
    ],
  ])('goes on with the next when its head %s', async (_what, ends) => {
    await desk.enqueue('up');
    await desk.enqueue('down', { ttl: 10 * HOUR });
    await ends();
    // A claim that ends a head makes the next one due, for the claim after it.
    expect([...(await desk.claim()), ...(await desk.claim())].at(-1)).toBe('down dispatched 1');
  });

  it('keeps its order even if the schedule were wrong', async () => {
    for (const name of ['up', 'down']) await desk.enqueue(name);
    await store.redis.zadd(commandKeys(robot.shard)[5]!, 1, desk.id('down'));
    expect(await desk.claim()).toEqual(['up dispatched 1']);
  });

  it('goes on when one in its middle ends', async () => {
    for (const name of ['up', 'grab', 'down']) await desk.enqueue(name);
    await desk.cancel('grab');
    await desk.claim();
    await desk.answer('up', 'succeeded');
    expect(await desk.claim()).toEqual(['down dispatched 1']);
  });
});

describe('a latest lane', () => {
  const set = (name: string) => desk.enqueue(name, { policy: 'latest', lane: 'heating' });

  it('delivers only the last word', async () => {
    await set('on');
    expect(await set('off')).toMatchObject({ outcome: 'enqueued', superseded: [desk.id('on')] });
    expect(await desk.claim()).toEqual(['off dispatched 1']);
    expect(await desk.states()).toBe('on superseded, off dispatched');
    expect((await read('on'))?.transitions.at(-1)?.cause).toBe(desk.id('off'));
  });

  it('never takes back what was dispatched', async () => {
    await set('on');
    await desk.claim();
    await set('off');
    await set('half');
    expect(await desk.states()).toBe('on dispatched, off superseded, half pending');
    expect(await desk.claim()).toEqual([]);
    await desk.answer('on', 'succeeded');
    expect(await desk.claim()).toEqual(['half dispatched 1']);
  });

  it('takes back what was given back', async () => {
    await set('on');
    await desk.claim();
    await desk.requeue('on', 1);
    await set('off');
    expect(await desk.claim()).toEqual(['off dispatched 1']);
    expect(await desk.states()).toBe('on superseded, off dispatched');
  });

  it('touches no other lane', async () => {
    await set('on');
    await desk.enqueue('light', { policy: 'latest', lane: 'heatin' });
    await desk.enqueue('fan', { policy: 'latest', lane: 'heating.fan' });
    expect(await desk.states()).toBe('on pending, light pending, fan pending');
  });
});

describe('a lease', () => {
  it('keeps a command from every other claim until it ends', async () => {
    await desk.enqueue('up');
    await desk.claim();
    await pass(LEASE_MS - 1000);
    expect(await desk.claim()).toEqual([]);
    await pass(1000);
    expect(await desk.claim()).toEqual(['up dispatched 2']);
  });

  it('doubles with each attempt; after the last one nobody knows', async () => {
    await desk.enqueue('up', { ttl: 24 * HOUR });
    expect(await desk.claim()).toEqual(['up dispatched 1']);
    for (let attempt = 2; attempt <= MAX_ATTEMPTS; attempt += 1) {
      await pass(LEASE_MS * 2 ** (attempt - 2) - 1000);
      expect(await desk.claim()).toEqual([]);
      await pass(1000);
      expect(await desk.claim()).toEqual([`up dispatched ${attempt}`]);
    }
    await pass(LEASE_MS * 2 ** (MAX_ATTEMPTS - 1));
    expect(await desk.claim()).toEqual([`up unknown ${MAX_ATTEMPTS}`]);
    expect(await desk.states()).toBe('up unknown');
    expect(await desk.claim()).toEqual([]);
  });

  it('is longer once the device has taken the command, then it is asked again', async () => {
    await desk.enqueue('up');
    await desk.claim();
    await desk.answer('up', 'acknowledged');
    await pass(LEASE_MS * 12 - 1000);
    expect(await desk.claim()).toEqual([]);
    await pass(1000);
    expect(await desk.claim()).toEqual(['up dispatched 2']);
  });

  it('never lasts beyond the expiry', async () => {
    await desk.enqueue('up', { ttl: 3000 });
    await desk.claim();
    await pass(3001);
    expect(await desk.claim()).toEqual(['up unknown 1']);
  });

  it('is found by any claim, a few at a time', async () => {
    for (const lane of ['a', 'b', 'c', 'd', 'e']) await desk.enqueue(lane, { lane });
    const claimed = [await desk.claim(2), await desk.claim(2), await desk.claim(2)];
    expect(claimed.map(({ length }) => length)).toEqual([2, 2, 1]);
    expect(new Set(claimed.flat()).size).toBe(5);
  });

  it('is given once, though two replicas claim at the same time', async () => {
    for (const lane of ['a', 'b', 'c']) await desk.enqueue(lane, { lane });
    const claims = await Promise.all([desk.claim(), desk.claim(), desk.claim()]);
    expect(claims.flat().sort()).toEqual(['a dispatched 1', 'b dispatched 1', 'c dispatched 1']);
  });
});

describe('expiry', () => {
  it('ends what was never dispatched as expired, head or not', async () => {
    await desk.enqueue('up', { ttl: HOUR });
    await desk.enqueue('down', { ttl: 1000 });
    await pass(1001);
    expect(await desk.claim()).toEqual(['up dispatched 1', 'down expired 0']);
    await pass(HOUR);
    expect(await desk.states()).toBe('up dispatched, down expired');
  });

  it('ends what was dispatched as unknown, whether the device acknowledged or not', async () => {
    await desk.enqueue('up', { lane: 'a', ttl: 60_000 });
    await desk.enqueue('down', { lane: 'b', ttl: 60_000 });
    await desk.claim();
    await desk.answer('down', 'acknowledged');
    await pass(60_001);
    expect((await desk.claim()).sort()).toEqual(['down unknown 1', 'up unknown 1']);
  });

  it('ends as expired what the broker had nobody to hand to', async () => {
    await desk.enqueue('up', { ttl: 60_000 });
    await desk.claim();
    await desk.requeue('up', 1);
    await pass(60_001);
    expect(await desk.claim()).toEqual(['up expired 0']);
  });

  it('ends as unknown what the broker once handed over, though nobody was there the second time', async () => {
    await desk.enqueue('up', { ttl: 60_000 });
    await desk.claim();
    await pass(LEASE_MS);
    await desk.claim();
    await desk.requeue('up', 2);
    await pass(60_001);
    expect(await desk.claim()).toEqual(['up unknown 1']);
  });
});

describe('a command that is given back', () => {
  it('waits, then is dispatched again as the same attempt', async () => {
    await desk.enqueue('up');
    await desk.claim();
    await desk.requeue('up', 1, 5000);
    expect([await desk.states(), await desk.claim()]).toEqual(['up pending', []]);
    await pass(5000);
    expect(await desk.claim()).toEqual(['up dispatched 1']);
  });

  it('never runs out of attempts while the device is away', async () => {
    await desk.enqueue('up', { ttl: 24 * HOUR });
    for (let time = 0; time < 4 * MAX_ATTEMPTS; time += 1) {
      expect(await desk.claim()).toEqual(['up dispatched 1']);
      await desk.requeue('up', 1, 5000);
      await pass(5000);
    }
    expect(await desk.states()).toBe('up pending');
  });

  it('still holds up its lane', async () => {
    await desk.enqueue('up');
    await desk.enqueue('down');
    await desk.claim();
    await desk.requeue('up', 1);
    expect(await desk.claim()).toEqual([]);
    await pass(5000);
    expect(await desk.claim()).toEqual(['up dispatched 1']);
  });

  it.each<[what: string, attempt: number, meanwhile: () => Promise<unknown>]>([
    ['an answer came', 1, () => desk.answer('up', 'acknowledged')],
    ['it has ended', 1, () => desk.answer('up', 'succeeded')],
    [
      'another replica holds the next lease',
      1,
      async () => {
        await pass(LEASE_MS);
        await desk.claim();
      },
    ],
    ['the attempt is one that never was', 2, async () => {}],
    ['it was given back already', 1, () => desk.requeue('up', 1)],
  ])('stays as it is when %s', async (_what, attempt, meanwhile) => {
    await desk.enqueue('up');
    await desk.claim();
    await meanwhile();
    const before = await read('up');
    await desk.requeue('up', attempt);
    expect(await read('up')).toEqual(before);
  });

  it('keeps a history of bounded length, from its beginning and to its end', async () => {
    await desk.enqueue('up', { ttl: 24 * HOUR });
    for (let time = 0; time < 200; time += 1) {
      await desk.claim();
      await desk.requeue('up', 1, 0);
    }
    await desk.claim();
    await desk.answer('up', 'succeeded');
    const { transitions } = (await read('up'))!;
    expect(transitions.length).toBeLessThan(100);
    expect([transitions[0], ...transitions.slice(-2)]).toMatchObject([
      { state: 'pending', cause: 'api' },
      { state: 'dispatched', cause: 'claim' },
      { state: 'succeeded', cause: 'device' },
    ]);
  });
});

describe('an answer', () => {
  beforeEach(async () => {
    await desk.enqueue('up');
    await desk.enqueue('down');
    await desk.claim();
  });

  it.each(['succeeded', 'failed', 'rejected'] as const)(
    '%s ends the command, with what the device said',
    async (status) => {
      expect(await desk.answer('up', status, { said: { reason: 'so it is', result: { angle: 90 } } })).toBe(
        status,
      );
      expect(await read('up')).toMatchObject({
        state: status,
        answer: { id: desk.id('up'), status, reason: 'so it is', result: { angle: 90 } },
      });
    },
  );

  it('may overtake the acknowledgement', async () => {
    expect(await desk.answer('up', 'succeeded')).toBe('succeeded');
    expect(await desk.answer('up', 'acknowledged')).toBe('late');
    expect((await read('up'))?.transitions.map(({ state }) => state)).toEqual([
      'pending',
      'dispatched',
      'succeeded',
    ]);
  });

  it('may come twice', async () => {
    expect(await desk.answer('up', 'acknowledged')).toBe('acknowledged');
    expect(await desk.answer('up', 'acknowledged')).toBe('repeated');
    expect(await desk.answer('up', 'succeeded')).toBe('succeeded');
    const before = await read('up');
    expect(await desk.answer('up', 'succeeded')).toBe('repeated');
    expect(await read('up')).toEqual(before);
  });

  it('of another kind after the end changes neither the end nor what was said', async () => {
    await desk.answer('up', 'succeeded', { said: { result: 1 } });
    expect(await desk.answer('up', 'failed', { said: { result: 2 } })).toBe('late');
    expect(await read('up')).toMatchObject({
      state: 'succeeded',
      answer: { status: 'succeeded', result: 1 },
    });
  });

  it('after the command was given up is kept as evidence, though the end stays', async () => {
    await pass(HOUR + 1);
    expect(await desk.claim()).toContain('up unknown 1');
    expect(await desk.answer('up', 'acknowledged')).toBe('late');
    expect(await desk.answer('up', 'succeeded')).toBe('late');
    expect(await read('up')).toMatchObject({
      state: 'unknown',
      answer: { id: desk.id('up'), status: 'succeeded' },
    });
  });

  it('may come although the broker said that nobody was there', async () => {
    await desk.requeue('up', 1);
    expect(await desk.answer('up', 'succeeded')).toBe('succeeded');
    expect(await desk.claim()).toEqual(['down dispatched 1']);
  });

  it.each(['robot-10', 'robot', 'Robot-1', ''])('of %j is foreign and changes nothing', async (device) => {
    const before = await read('up');
    expect(await desk.answer('up', 'succeeded', { by: `${robot.fleet}/${device}` })).toBe('foreign');
    expect(await read('up')).toEqual(before);
  });

  it('of another fleet is foreign', async () => {
    expect(await desk.answer('up', 'succeeded', { by: `other/${robot.device}` })).toBe('foreign');
  });

  it('says whose command it was and how old', async () => {
    await pass(2000);
    const answer = { id: desk.id('up'), status: 'succeeded' as const };
    const [answered] = await answerCommands(store.redis, [{ device: robot.name, answer, cause: 'device' }]);
    expect(answered).toMatchObject({ outcome: 'succeeded', source: 'api' });
    expect(answered!.ageMs).toBeGreaterThanOrEqual(2000);
  });

  it('may be one of many in one round trip', async () => {
    const answers = [desk.id('up'), newCommandId(robot.shard), desk.id('down')].map((id) => ({
      device: robot.name,
      answer: { id, status: 'succeeded' as const },
      cause: 'device',
    }));
    const outcomes = (await answerCommands(store.redis, answers)).map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['succeeded', 'missing', 'succeeded']);
  });
});

describe('a cancellation', () => {
  it('ends what waits', async () => {
    await desk.enqueue('up');
    expect(await desk.cancel('up')).toBe('cancelled');
    expect(await desk.cancel('up')).toBe('cancelled');
    expect((await read('up'))?.transitions).toHaveLength(2);
  });

  it.each<[state: string, reached: () => Promise<unknown>]>([
    ['dispatched', async () => {}],
    ['acknowledged', () => desk.answer('up', 'acknowledged')],
    ['failed', () => desk.answer('up', 'failed')],
  ])('cannot call back what is %s', async (state, reached) => {
    await desk.enqueue('up');
    await desk.claim();
    await reached();
    expect([await desk.cancel('up'), await desk.states()]).toEqual([state, `up ${state}`]);
  });
});

describe('a device that comes back', () => {
  it('is given the heads of its lanes at once', async () => {
    await desk.enqueue('up');
    await desk.enqueue('down');
    await desk.enqueue('light', { lane: 'led' });
    await desk.claim();
    await desk.requeue('up', 1, 60_000);
    await desk.requeue('light', 1, 60_000);
    expect(await desk.claim()).toEqual([]);
    expect(await desk.wake()).toBe(2);
    expect((await desk.claim()).sort()).toEqual(['light dispatched 1', 'up dispatched 1']);
  });

  it('is not sent again what is on its way', async () => {
    await desk.enqueue('up');
    await desk.claim();
    expect([await desk.wake(), await desk.claim()]).toEqual([0, []]);
  });

  it('wakes no lane of one that is named almost alike', async () => {
    await desk.enqueue('up');
    await desk.claim();
    await desk.requeue('up', 1, 60_000);
    const others = ['robot-10', 'robot', 'robot-1.0'].map((name) => ({
      shard: robot.shard,
      name: `${robot.fleet}/${name}`,
    }));
    expect(await wakeDevices(store.redis, others)).toBe(0);
  });
});

describe('bounds', () => {
  it('a queue takes so many open commands, and more as soon as one ends', async () => {
    for (let i = 0; i < MAX_OPEN_COMMANDS; i += 1)
      expect(await desk.enqueue(`c${i}`)).toMatchObject({ outcome: 'enqueued' });
    expect(await desk.enqueue('one more')).toEqual({ outcome: 'full' });
    const others = new CommandDesk(store.redis, new DeviceAddress(robot.fleet, 'robot-10', false));
    expect(await others.enqueue('mine')).toMatchObject({ outcome: 'enqueued' });
    await desk.cancel('c50');
    expect(await desk.enqueue('one more')).toMatchObject({ outcome: 'enqueued' });
    expect(await desk.enqueue('yet one')).toEqual({ outcome: 'full' });
  });

  it('a full queue takes what supersedes one that waits, and nothing else', async () => {
    await desk.enqueue('on', { policy: 'latest', lane: 'heating' });
    for (let i = 1; i < MAX_OPEN_COMMANDS; i += 1) await desk.enqueue(`c${i}`);
    expect(await desk.enqueue('off', { policy: 'latest', lane: 'heating' })).toMatchObject({
      superseded: [desk.id('on')],
    });
    expect(await desk.enqueue('fan', { policy: 'latest', lane: 'fan' })).toEqual({ outcome: 'full' });
    const { commands } = await new Replica(store.redis).take(robot, [reading({ cold: true })], {
      commands: [emitted(robot, { lane: 'heating' }), emitted(robot, { lane: 'fan' })],
    });
    expect(commands.map(({ state }) => state)).toEqual(['dispatched', 'full']);
    expect((await list()).filter(({ state }) => !isFinal(state))).toHaveLength(MAX_OPEN_COMMANDS);
  });

  it('the oldest final commands are forgotten, an open one never', async () => {
    await desk.enqueue('old and open', { lane: 'other' });
    for (let i = 0; i < COMMANDS_KEPT_PER_DEVICE + 20; i += 1) {
      await desk.enqueue(`c${i}`);
      await desk.cancel(`c${i}`);
    }
    const kept = await list();
    expect(kept.length).toBeLessThanOrEqual(COMMANDS_KEPT_PER_DEVICE + 1);
    expect(desk.name(kept.at(-1)!.id)).toBe('old and open');
    expect(desk.name(kept[0]!.id)).toBe(`c${COMMANDS_KEPT_PER_DEVICE + 19}`);
    expect(await read('c0')).toBeUndefined();
    expect(await desk.answer('c0', 'succeeded')).toBe('missing');
  });

  it('a full queue of open commands is kept though nothing can be forgotten', async () => {
    for (let i = 0; i < MAX_OPEN_COMMANDS; i += 1) await desk.enqueue(`c${i}`);
    for (let i = 0; i < MAX_OPEN_COMMANDS / 2; i += 1) {
      await desk.cancel(`c${i}`);
      await desk.enqueue(`d${i}`);
    }
    expect((await list()).filter(({ state }) => state === 'pending')).toHaveLength(MAX_OPEN_COMMANDS);
  });
});

describe('an idempotency key', () => {
  const asked = (key: string, request = '{"led_on":true}') => ({ idempotency: { key, request } });

  it('finds the command of the first request, whatever became of it', async () => {
    await desk.enqueue('first', asked('k1'));
    expect(await desk.enqueue('again', asked('k1'))).toMatchObject({
      outcome: 'repeated',
      id: desk.id('first'),
    });
    await desk.cancel('first');
    expect(await desk.enqueue('again', asked('k1'))).toMatchObject({
      outcome: 'repeated',
      id: desk.id('first'),
    });
    expect(await list()).toHaveLength(1);
  });

  it('is refused for another request', async () => {
    await desk.enqueue('first', asked('k1'));
    expect(await desk.enqueue('other', asked('k1', '{"led_on":false}'))).toEqual({ outcome: 'reused' });
    expect(await list()).toHaveLength(1);
  });

  it('is the device’s own', async () => {
    const other = new CommandDesk(store.redis, store.newDevice('robot-1'));
    await desk.enqueue('first', asked('k1'));
    expect(await other.enqueue('mine', asked('k1'))).toMatchObject({ outcome: 'enqueued' });
  });

  it('may be any text', async () => {
    for (const key of ['', ' ', '\n\0', 'k'.repeat(10_000), '*', '{x}', 'é💡']) {
      await desk.enqueue(`first ${key}`, asked(key));
      expect(await desk.enqueue('again', asked(key))).toMatchObject({
        outcome: 'repeated',
        id: desk.id(`first ${key}`),
      });
    }
  });

  it('holds for one of many requests at the same time', async () => {
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, i) => desk.enqueue(`c${i}`, asked('k1'))),
    );
    expect(results.filter(({ outcome }) => outcome === 'enqueued')).toHaveLength(1);
    expect(new Set(results.map((result) => 'id' in result && result.id)).size).toBe(1);
  });

  it('is not used up by a request that was refused', async () => {
    expect(await desk.enqueue('now', { policy: 'now', ...asked('k1') })).toEqual({ outcome: 'unreachable' });
    await recordPresence(store.redis, [{ address: robot, message: { online: true, session: 1 } }]);
    expect(await desk.enqueue('now', { policy: 'now', ...asked('k1') })).toMatchObject({
      outcome: 'enqueued',
    });
  });

  it('is forgotten after a day', async () => {
    await desk.enqueue('first', asked('k1'));
    await pass(24 * HOUR);
    expect(await desk.enqueue('second', asked('k1'))).toMatchObject({ outcome: 'enqueued' });
  });
});

describe('a list of commands', () => {
  it('is newest first, in pages without gaps or repeats', async () => {
    const names = Array.from({ length: 25 }, (_, i) => `c${i}`);
    for (const name of names) await desk.enqueue(name);
    const listed: string[] = [];
    for (let page = await list(10); page.length > 0; page = await list(10, page.at(-1)!.id))
      listed.push(...page.map(({ id }) => desk.name(id)));
    expect(listed).toEqual([...names].reverse());
  });

  it('never reaches into another device, whatever the cursor', async () => {
    const neighbours = ['robot-0', 'robot-10', 'robot-2'].map(
      (name) => new CommandDesk(store.redis, new DeviceAddress(robot.fleet, name, false)),
    );
    for (const one of neighbours) await one.enqueue('theirs');
    await desk.enqueue('mine');
    for (const before of ['', '~', '/', '../robot-2/', '\xff', '+', '-', 'Z']) {
      const listed = await list(10, before);
      expect(listed.every(({ device }) => device === 'robot-1')).toBe(true);
    }
  });
});

it('commands of many shards are claimed in one call', async () => {
  const desks = Array.from({ length: 10 }, () => new CommandDesk(store.redis, store.newDevice()));
  for (const one of desks) await one.enqueue('on');
  const shards = [...new Set(desks.map(({ address }) => address.shard))];
  const claims = await claimCommands(store.redis, shards, 100);
  expect(claims.map(({ command }) => command.fleet).sort()).toEqual(
    desks.map(({ address }) => address.fleet).sort(),
  );
  expect(await claimCommands(store.redis, [], 100)).toEqual([]);
});

it('every key of a command lives in the shard of its device', async () => {
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
