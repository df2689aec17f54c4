import { emitted, Replica, reading } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { CommandDesk } from '../../test/command-desk.js';
import { withCommandDesk } from '../../test/store-setup.js';
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

describe('limits', () => {
  it('a queue has a limit of open commands, and accepts more when one ends', async () => {
    for (let i = 0; i < MAX_OPEN_COMMANDS; i += 1)
      expect(await desk.enqueue(`c${i}`)).toMatchObject({ outcome: 'enqueued' });
    expect(await desk.enqueue('one more')).toEqual({ outcome: 'full' });
    const others = new CommandDesk(store.redis, new DeviceAddress(robot.fleet, 'robot-10', false));
    expect(await others.enqueue('mine')).toMatchObject({ outcome: 'enqueued' });
    await desk.cancel('c50');
    expect(await desk.enqueue('one more')).toMatchObject({ outcome: 'enqueued' });
    expect(await desk.enqueue('yet one')).toEqual({ outcome: 'full' });
  });

  it('a full queue accepts only a command that supersedes a pending one', async () => {
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

  it('a full queue accepts commands that end what a rule started, up to twice the limit', async () => {
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

  it('the oldest final commands are pruned, and open ones never', async () => {
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
    expect(await desk.acknowledge('c0', 'succeeded')).toBe('missing');
  });

  it('a full queue of open commands is kept even if nothing can be pruned', async () => {
    for (let i = 0; i < MAX_OPEN_COMMANDS; i += 1) await desk.enqueue(`c${i}`);
    for (let i = 0; i < MAX_OPEN_COMMANDS / 2; i += 1) {
      await desk.cancel(`c${i}`);
      await desk.enqueue(`d${i}`);
    }
    expect((await desk.list()).filter(({ state }) => state === 'pending')).toHaveLength(MAX_OPEN_COMMANDS);
  });
});

describe('an idempotency key', () => {
  const withKey = (key: string, request = '{"led_on":true}') => ({ idempotency: { key, request } });

  it('finds the command of the first request in any state', async () => {
    await desk.enqueue('first', withKey('k1'));
    expect(await desk.enqueue('again', withKey('k1'))).toMatchObject({
      outcome: 'repeated',
      id: desk.id('first'),
    });
    await desk.cancel('first');
    expect(await desk.enqueue('again', withKey('k1'))).toMatchObject({
      outcome: 'repeated',
      id: desk.id('first'),
    });
    expect(await desk.list()).toHaveLength(1);
  });

  it('is rejected for another request', async () => {
    await desk.enqueue('first', withKey('k1'));
    expect(await desk.enqueue('other', withKey('k1', '{"led_on":false}'))).toEqual({ outcome: 'reused' });
    expect(await desk.list()).toHaveLength(1);
  });

  it('applies to one device only', async () => {
    const other = new CommandDesk(store.redis, store.newDevice('robot-1'));
    await desk.enqueue('first', withKey('k1'));
    expect(await other.enqueue('mine', withKey('k1'))).toMatchObject({ outcome: 'enqueued' });
  });

  it('can be any text', async () => {
    for (const key of ['', ' ', '\n\0', 'k'.repeat(10_000), '*', '{x}', 'é💡']) {
      await desk.enqueue(`first ${key}`, withKey(key));
      expect(await desk.enqueue('again', withKey(key))).toMatchObject({
        outcome: 'repeated',
        id: desk.id(`first ${key}`),
      });
    }
  });

  it('has one effect in many concurrent requests', async () => {
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, i) => desk.enqueue(`c${i}`, withKey('k1'))),
    );
    expect(results.filter(({ outcome }) => outcome === 'enqueued')).toHaveLength(1);
    expect(new Set(results.map((result) => 'id' in result && result.id)).size).toBe(1);
  });

  it('is not consumed by a request that was refused', async () => {
    await desk.leave();
    expect(await desk.enqueue('now', { policy: 'now', ...withKey('k1') })).toEqual({
      outcome: 'unreachable',
    });
    await desk.connect(2);
    expect(await desk.enqueue('now', { policy: 'now', ...withKey('k1') })).toMatchObject({
      outcome: 'enqueued',
    });
  });

  it('expires after a day', async () => {
    await desk.enqueue('first', withKey('k1'));
    await desk.pass(24 * HOUR);
    expect(await desk.enqueue('second', withKey('k1'))).toMatchObject({ outcome: 'enqueued' });
  });
});
