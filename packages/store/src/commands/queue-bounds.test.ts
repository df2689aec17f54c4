import { emitted, Replica, reading } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { CommandDesk } from '../../test/command-desk.js';
import { withCommandDesk } from '../../test/command-setup.js';
import { DeviceAddress } from '../devices/device-address.js';
import { COMMANDS_KEPT_PER_DEVICE, MAX_OPEN_COMMANDS } from '../keys.js';
import { promiseCause } from './command-header.js';
import { isFinal } from './read-commands.js';

const HOUR = 3_600_000;

let store: StoreUnderTest;
let robot: DeviceAddress;
let desk: CommandDesk;
withCommandDesk((setup) => {
  ({ store, device: robot, desk } = setup);
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
    const { commands } = await new Replica(store.redis).accept(robot, [reading({ cold: true })], {
      commands: [emitted(robot, { lane: 'heating' }), emitted(robot, { lane: 'fan' })],
    });
    expect(commands.map(({ state }) => state)).toEqual(['dispatched', 'full']);
    expect((await desk.list()).filter(({ state }) => !isFinal(state))).toHaveLength(MAX_OPEN_COMMANDS);
  });

  it('a full queue takes what ends something that a rule has started, up to twice as much', async () => {
    for (let i = 0; i < MAX_OPEN_COMMANDS; i += 1) await desk.enqueue(`c${i}`);
    const cause = promiseCause('water');
    const ends = Array.from({ length: MAX_OPEN_COMMANDS + 1 }, (_, i) =>
      emitted(robot, { lane: `pump-${i}`, cause }),
    );
    const { commands } = await new Replica(store.redis).accept(robot, [reading({ soil: 1 })], {
      commands: [emitted(robot, { lane: 'fan' }), ...ends],
    });
    const full = commands.flatMap(({ state }, i) => (state === 'full' ? [i] : []));
    expect(full).toEqual([0, MAX_OPEN_COMMANDS + 1]);
  });

  it('the oldest final commands are forgotten, an open one never', async () => {
    await desk.enqueue('old and open', { lane: 'other' });
    for (let i = 0; i < COMMANDS_KEPT_PER_DEVICE + 20; i += 1) {
      await desk.enqueue(`c${i}`);
      await desk.cancel(`c${i}`);
    }
    const kept = await desk.list();
    expect(kept.length).toBeLessThanOrEqual(COMMANDS_KEPT_PER_DEVICE + 1);
    expect(desk.name(kept.at(-1)!.id)).toBe('old and open');
    expect(desk.name(kept[0]!.id)).toBe(`c${COMMANDS_KEPT_PER_DEVICE + 19}`);
    expect(await desk.read('c0')).toBeUndefined();
    expect(await desk.answer('c0', 'succeeded')).toBe('missing');
  });

  it('a full queue of open commands is kept though nothing can be forgotten', async () => {
    for (let i = 0; i < MAX_OPEN_COMMANDS; i += 1) await desk.enqueue(`c${i}`);
    for (let i = 0; i < MAX_OPEN_COMMANDS / 2; i += 1) {
      await desk.cancel(`c${i}`);
      await desk.enqueue(`d${i}`);
    }
    expect((await desk.list()).filter(({ state }) => state === 'pending')).toHaveLength(MAX_OPEN_COMMANDS);
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
    expect(await desk.list()).toHaveLength(1);
  });

  it('is refused for another request', async () => {
    await desk.enqueue('first', asked('k1'));
    expect(await desk.enqueue('other', asked('k1', '{"led_on":false}'))).toEqual({ outcome: 'reused' });
    expect(await desk.list()).toHaveLength(1);
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
    await desk.leave();
    expect(await desk.enqueue('now', { policy: 'now', ...asked('k1') })).toEqual({ outcome: 'unreachable' });
    await desk.connect(2);
    expect(await desk.enqueue('now', { policy: 'now', ...asked('k1') })).toMatchObject({
      outcome: 'enqueued',
    });
  });

  it('is forgotten after a day', async () => {
    await desk.enqueue('first', asked('k1'));
    await desk.pass(24 * HOUR);
    expect(await desk.enqueue('second', asked('k1'))).toMatchObject({ outcome: 'enqueued' });
  });
});
