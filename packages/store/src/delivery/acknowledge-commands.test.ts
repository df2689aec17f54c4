import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import type { DeviceQueue } from '../../test/device-queue.js';
import { withDeviceQueue } from '../../test/store-setup.js';
import { cancelCommand } from '../commands/cancel-command.js';
import { newCommandId } from '../commands/command-id.js';
import type { DeviceAddress } from '../devices/device-address.js';
import { LEASE_MS } from '../keys.js';
import { acknowledgeCommands } from './acknowledge-commands.js';

const HOUR = 3_600_000;

let store: StoreUnderTest;
let robot: DeviceAddress;
let queue: DeviceQueue;
withDeviceQueue((setup) => {
  ({ store, device: robot, queue } = setup);
});

describe('an acknowledgement', () => {
  beforeEach(async () => {
    await queue.enqueue('up');
    await queue.enqueue('down');
    await queue.claim();
  });

  it.each(['succeeded', 'failed', 'rejected'] as const)(
    '%s ends the command, with the details from the device',
    async (status) => {
      expect(
        await queue.acknowledge('up', status, { details: { reason: 'so it is', result: { angle: 90 } } }),
      ).toBe(status);
      expect(await queue.read('up')).toMatchObject({
        state: status,
        acknowledgement: { id: queue.id('up'), status, reason: 'so it is', result: { angle: 90 } },
      });
    },
  );

  it('can arrive before `acknowledged`', async () => {
    expect(await queue.acknowledge('up', 'succeeded')).toBe('succeeded');
    expect(await queue.acknowledge('up', 'acknowledged')).toBe('late');
    expect((await queue.read('up'))?.transitions.map(({ state }) => state)).toEqual([
      'pending',
      'dispatched',
      'succeeded',
    ]);
  });

  it('can arrive twice', async () => {
    expect(await queue.acknowledge('up', 'acknowledged')).toBe('acknowledged');
    expect(await queue.acknowledge('up', 'acknowledged')).toBe('repeated');
    expect(await queue.acknowledge('up', 'succeeded')).toBe('succeeded');
    const before = await queue.read('up');
    expect(await queue.acknowledge('up', 'succeeded')).toBe('repeated');
    expect(await queue.read('up')).toEqual(before);
  });

  it('with another status after the end changes neither the end nor the stored details', async () => {
    await queue.acknowledge('up', 'succeeded', { details: { result: 1 } });
    expect(await queue.acknowledge('up', 'failed', { details: { result: 2 } })).toBe('late');
    expect(await queue.read('up')).toMatchObject({
      state: 'succeeded',
      acknowledgement: { status: 'succeeded', result: 1 },
    });
  });

  it('after the command was given up is stored, and the final state stays', async () => {
    await queue.pass(HOUR + 1);
    expect(await queue.claim()).toContain('up unknown 1');
    expect(await queue.acknowledge('up', 'acknowledged')).toBe('late');
    expect(await queue.acknowledge('up', 'succeeded')).toBe('late');
    expect(await queue.read('up')).toMatchObject({
      state: 'unknown',
      acknowledgement: { id: queue.id('up'), status: 'succeeded' },
    });
  });

  it('can arrive although the broker reported no subscriber', async () => {
    await queue.requeue('up', 1);
    expect(await queue.acknowledge('up', 'succeeded')).toBe('succeeded');
    expect(await queue.claim()).toEqual(['down dispatched 1']);
  });

  it.each(['robot-10', 'robot', 'Robot-1', ''])('of %j is foreign and changes nothing', async (device) => {
    const before = await queue.read('up');
    expect(await queue.acknowledge('up', 'succeeded', { by: `${robot.fleet}/${device}` })).toBe('foreign');
    expect(await queue.read('up')).toEqual(before);
  });

  it('of another fleet is foreign', async () => {
    expect(await queue.acknowledge('up', 'succeeded', { by: `other/${robot.device}` })).toBe('foreign');
  });

  it('returns the source and the age of its command', async () => {
    await queue.pass(2000);
    const acknowledgement = { id: queue.id('up'), status: 'succeeded' as const };
    const [answered] = await acknowledgeCommands(store.redis, [
      { device: robot.name, acknowledgement, cause: 'device' },
    ]);
    expect(answered).toMatchObject({ outcome: 'succeeded', source: 'api' });
    expect(answered!.ageMs).toBeGreaterThanOrEqual(2000);
  });

  it('can be one of many in one round trip', async () => {
    const acknowledgements = [queue.id('up'), newCommandId(robot.shard), queue.id('down')].map((id) => ({
      device: robot.name,
      acknowledgement: { id, status: 'succeeded' as const },
      cause: 'device',
    }));
    const outcomes = (await acknowledgeCommands(store.redis, acknowledgements)).map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['succeeded', 'missing', 'succeeded']);
  });
});

describe('a cancellation', () => {
  it('ends a pending command', async () => {
    await queue.enqueue('up');
    const cancel = () => cancelCommand(store.redis, queue.id('up'));
    expect(await cancel()).toEqual({ state: 'cancelled', isOurs: true });
    expect(await cancel()).toEqual({ state: 'cancelled', isOurs: false });
    expect((await queue.read('up'))?.transitions).toHaveLength(2);
  });

  it('ends a command that may have been executed as unknown', async () => {
    await queue.enqueue('up');
    await queue.enqueue('down');
    await queue.claim();
    await queue.pass(LEASE_MS);
    await queue.claim();
    await queue.requeue('up', 2);
    expect(await queue.cancel('up')).toBe('unknown');
    expect((await queue.read('up'))?.transitions.at(-1)).toMatchObject({
      state: 'unknown',
      cause: 'cancelled',
    });
    expect(await queue.claim()).toEqual(['down dispatched 1']);
  });

  it.each<[state: string, reached: () => Promise<unknown>]>([
    ['dispatched', async () => {}],
    ['acknowledged', () => queue.acknowledge('up', 'acknowledged')],
    ['failed', () => queue.acknowledge('up', 'failed')],
  ])('cannot cancel a command that is %s', async (state, reached) => {
    await queue.enqueue('up');
    await queue.claim();
    await reached();
    expect([await queue.cancel('up'), await queue.states()]).toEqual([state, `up ${state}`]);
  });
});
