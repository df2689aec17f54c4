import { emitted, Replica, reading } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { DeviceQueue } from '../../test/device-queue.js';
import { withDeviceQueue } from '../../test/store-setup.js';
import { DeviceAddress } from '../devices/device-address.js';
import { COMMANDS_KEPT_PER_DEVICE, MAX_OPEN_COMMANDS, PRUNE_STRIDE } from '../keys.js';
import { promiseCause } from './command-header.js';
import { isFinal } from './read-commands.js';

const HOUR = 3_600_000;

let store: StoreUnderTest;
let robot: DeviceAddress;
let queue: DeviceQueue;
withDeviceQueue((setup) => {
  ({ store, device: robot, queue } = setup);
});

describe('limits', () => {
  it('a queue has a limit of open commands, and accepts more when one ends', async () => {
    for (let i = 0; i < MAX_OPEN_COMMANDS; i += 1)
      expect(await queue.enqueue(`c${i}`)).toMatchObject({ outcome: 'enqueued' });
    expect(await queue.enqueue('one more')).toEqual({ outcome: 'full' });
    const others = new DeviceQueue(store.redis, new DeviceAddress(robot.fleet, 'robot-10', false));
    expect(await others.enqueue('mine')).toMatchObject({ outcome: 'enqueued' });
    await queue.cancel('c50');
    expect(await queue.enqueue('one more')).toMatchObject({ outcome: 'enqueued' });
    expect(await queue.enqueue('yet one')).toEqual({ outcome: 'full' });
  });

  it('a full queue accepts only a command that supersedes a pending one', async () => {
    await queue.enqueue('on', { policy: 'latest', lane: 'heating' });
    for (let i = 1; i < MAX_OPEN_COMMANDS; i += 1) await queue.enqueue(`c${i}`);
    expect(await queue.enqueue('off', { policy: 'latest', lane: 'heating' })).toMatchObject({
      superseded: [queue.id('on')],
    });
    expect(await queue.enqueue('fan', { policy: 'latest', lane: 'fan' })).toEqual({ outcome: 'full' });
    const { commands } = await new Replica(store.redis).accept(robot, [reading({ cold: true })], {
      commands: [emitted(robot, { lane: 'heating' }), emitted(robot, { lane: 'fan' })],
    });
    expect(commands.map(({ state }) => state)).toEqual(['dispatched', 'full']);
    expect((await queue.list()).filter(({ state }) => !isFinal(state))).toHaveLength(MAX_OPEN_COMMANDS);
  });

  it('a full queue accepts commands that end what a rule started, up to twice the limit', async () => {
    for (let i = 0; i < MAX_OPEN_COMMANDS; i += 1) await queue.enqueue(`c${i}`);
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
    await queue.enqueue('old and open', { lane: 'other' });
    for (let i = 0; i < COMMANDS_KEPT_PER_DEVICE + 20; i += 1) {
      await queue.enqueue(`c${i}`);
      await queue.cancel(`c${i}`);
    }
    const kept = await queue.list();
    expect(kept.length).toBeLessThanOrEqual(COMMANDS_KEPT_PER_DEVICE + PRUNE_STRIDE);
    expect(queue.name(kept.at(-1)!.id)).toBe('old and open');
    expect(queue.name(kept[0]!.id)).toBe(`c${COMMANDS_KEPT_PER_DEVICE + 19}`);
    expect(await queue.read('c0')).toBeUndefined();
    expect(await queue.acknowledge('c0', 'succeeded')).toBe('missing');
  });

  it('a full queue of open commands is kept even if nothing can be pruned', async () => {
    for (let i = 0; i < MAX_OPEN_COMMANDS; i += 1) await queue.enqueue(`c${i}`);
    for (let i = 0; i < MAX_OPEN_COMMANDS / 2; i += 1) {
      await queue.cancel(`c${i}`);
      await queue.enqueue(`d${i}`);
    }
    expect((await queue.list()).filter(({ state }) => state === 'pending')).toHaveLength(MAX_OPEN_COMMANDS);
  });
});

describe('an idempotency key', () => {
  const withKey = (key: string, request = '{"led_on":true}') => ({ idempotency: { key, request } });

  it('finds the command of the first request in any state', async () => {
    await queue.enqueue('first', withKey('k1'));
    expect(await queue.enqueue('again', withKey('k1'))).toMatchObject({
      outcome: 'repeated',
      id: queue.id('first'),
    });
    await queue.cancel('first');
    expect(await queue.enqueue('again', withKey('k1'))).toMatchObject({
      outcome: 'repeated',
      id: queue.id('first'),
    });
    expect(await queue.list()).toHaveLength(1);
  });

  it('is rejected for another request', async () => {
    await queue.enqueue('first', withKey('k1'));
    expect(await queue.enqueue('other', withKey('k1', '{"led_on":false}'))).toEqual({ outcome: 'reused' });
    expect(await queue.list()).toHaveLength(1);
  });

  it('applies to only one device', async () => {
    const other = new DeviceQueue(store.redis, store.newDevice('robot-1'));
    await queue.enqueue('first', withKey('k1'));
    expect(await other.enqueue('mine', withKey('k1'))).toMatchObject({ outcome: 'enqueued' });
  });

  it('can be any text', async () => {
    for (const key of ['', ' ', '\n\0', 'k'.repeat(10_000), '*', '{x}', 'é💡']) {
      await queue.enqueue(`first ${key}`, withKey(key));
      expect(await queue.enqueue('again', withKey(key))).toMatchObject({
        outcome: 'repeated',
        id: queue.id(`first ${key}`),
      });
    }
  });

  it('has one effect in many concurrent requests', async () => {
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, i) => queue.enqueue(`c${i}`, withKey('k1'))),
    );
    expect(results.filter(({ outcome }) => outcome === 'enqueued')).toHaveLength(1);
    expect(new Set(results.map((result) => 'id' in result && result.id)).size).toBe(1);
  });

  it('is not consumed by a request that was rejected', async () => {
    await queue.leave();
    expect(await queue.enqueue('now', { policy: 'now', ...withKey('k1') })).toEqual({
      outcome: 'unreachable',
    });
    await queue.connect(2);
    expect(await queue.enqueue('now', { policy: 'now', ...withKey('k1') })).toMatchObject({
      outcome: 'enqueued',
    });
  });

  it('expires after a day', async () => {
    await queue.enqueue('first', withKey('k1'));
    await queue.pass(24 * HOUR);
    expect(await queue.enqueue('second', withKey('k1'))).toMatchObject({ outcome: 'enqueued' });
  });
});
