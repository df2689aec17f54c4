import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import type { DeviceQueue } from '../../test/device-queue.js';
import { withDeviceQueue } from '../../test/store-setup.js';
import type { DeviceAddress } from '../devices/device-address.js';
import { COMMANDS_KEPT_PER_DEVICE, PRUNE_STRIDE } from '../keys.js';
import { MAX_INVALID, recordInvalidAcknowledgements } from './invalid-acknowledgements.js';

let store: StoreUnderTest;
let robot: DeviceAddress;
let queue: DeviceQueue;
withDeviceQueue((setup) => {
  ({ store, device: robot, queue } = setup);
});

const PROBLEM = '`status` must be one of acknowledged, succeeded, failed, rejected, not the string "ok"';
async function recordInvalid({
  id,
  device = robot.device,
  problem = PROBLEM,
}: {
  id?: string;
  device?: string;
  problem?: string;
} = {}) {
  const { fleet } = robot;
  const payload = '{"status":"ok"}';
  const [noted] = await recordInvalidAcknowledgements(store.redis, [
    { fleet, device, id, field: '/status', problem, payload },
  ]);
  return noted === undefined ? undefined : queue.name(noted);
}

describe('an invalid acknowledgement', () => {
  it('is stored with the command of its id, and changes no state', async () => {
    await queue.enqueue('up');
    await queue.enqueue('down', { lane: 'other' });
    await queue.claim();
    const before = await queue.read('up');
    expect(await recordInvalid({ id: queue.id('up') })).toBe('up');
    const after = await queue.read('up');
    expect(after).toEqual({
      ...before,
      invalid: [{ at: expect.any(Number), field: '/status', problem: PROBLEM, payload: '{"status":"ok"}' }],
    });
    expect((await queue.read('down'))?.invalid).toBeUndefined();
    expect(await queue.acknowledge('up', 'succeeded')).toBe('succeeded');
    expect((await queue.read('up'))?.invalid).toHaveLength(1);
  });

  it.each([
    ['without an id', undefined],
    ['with an unknown command id', 'no-such-id'],
  ])('%s is assigned to the command that was dispatched last', async (_what, id) => {
    await queue.enqueue('up');
    await queue.claim();
    await queue.enqueue('waiting');
    expect(await recordInvalid(id === undefined ? {} : { id })).toBe('up');
  });

  it('is assigned to a command that was given up because the device never published a birth', async () => {
    await queue.enqueue('up');
    await queue.claim();
    await queue.giveUp('up');
    expect(await recordInvalid()).toBe('up');
  });

  it('is assigned to no command if none was dispatched, or the last one has ended', async () => {
    expect(await recordInvalid()).toBeUndefined();
    await queue.enqueue('up');
    expect(await recordInvalid()).toBeUndefined();
    await queue.claim();
    await queue.acknowledge('up', 'succeeded');
    expect(await recordInvalid()).toBeUndefined();
  });

  it('of another device is not stored with the command', async () => {
    await queue.enqueue('up');
    await queue.claim();
    expect(await recordInvalid({ device: 'robot-2', id: queue.id('up') })).toBeUndefined();
    expect((await queue.read('up'))?.invalid).toBeUndefined();
  });

  it('is one of a few: the oldest ones are pruned', async () => {
    await queue.enqueue('up');
    await queue.claim();
    for (let i = 1; i <= MAX_INVALID + 2; i += 1)
      await recordInvalid({ problem: `${i}\n${'x'.repeat(1000)}` });
    const kept = (await queue.read('up'))?.invalid ?? [];
    expect(kept.map(({ problem }) => problem.split('\n')[0])).toEqual(['7', '6', '5', '4', '3']);
    expect(kept[0]?.problem).toHaveLength(300);
  });

  it('is pruned with its command', async () => {
    await queue.enqueue('first', { lane: 'first' });
    await queue.claim();
    await recordInvalid();
    await queue.acknowledge('first', 'succeeded');
    for (let i = 0; i < COMMANDS_KEPT_PER_DEVICE + PRUNE_STRIDE; i += 1) {
      await queue.enqueue(`${i}`);
      await queue.claim();
      await queue.acknowledge(`${i}`, 'succeeded');
    }
    expect(await queue.read('first')).toBeUndefined();
    expect(await store.redis.hkeys(`{${robot.shard}}:answers`)).not.toContain(`${queue.id('first')}:unread`);
  });
});
