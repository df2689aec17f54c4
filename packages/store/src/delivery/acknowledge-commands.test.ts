import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import type { CommandDesk } from '../../test/command-desk.js';
import { withCommandDesk } from '../../test/store-setup.js';
import { cancelCommand } from '../commands/cancel-command.js';
import { newCommandId } from '../commands/command-id.js';
import type { DeviceAddress } from '../devices/device-address.js';
import { acknowledgeCommands } from './acknowledge-commands.js';
import { LEASE_MS } from './lease.js';

const HOUR = 3_600_000;

let store: StoreUnderTest;
let robot: DeviceAddress;
let desk: CommandDesk;
withCommandDesk((setup) => {
  ({ store, device: robot, desk } = setup);
});

describe('an acknowledgement', () => {
  beforeEach(async () => {
    await desk.enqueue('up');
    await desk.enqueue('down');
    await desk.claim();
  });

  it.each(['succeeded', 'failed', 'rejected'] as const)(
    '%s ends the command, with the details from the device',
    async (status) => {
      expect(
        await desk.acknowledge('up', status, { details: { reason: 'so it is', result: { angle: 90 } } }),
      ).toBe(status);
      expect(await desk.read('up')).toMatchObject({
        state: status,
        answer: { id: desk.id('up'), status, reason: 'so it is', result: { angle: 90 } },
      });
    },
  );

  it('can arrive before `acknowledged`', async () => {
    expect(await desk.acknowledge('up', 'succeeded')).toBe('succeeded');
    expect(await desk.acknowledge('up', 'acknowledged')).toBe('late');
    expect((await desk.read('up'))?.transitions.map(({ state }) => state)).toEqual([
      'pending',
      'dispatched',
      'succeeded',
    ]);
  });

  it('can arrive twice', async () => {
    expect(await desk.acknowledge('up', 'acknowledged')).toBe('acknowledged');
    expect(await desk.acknowledge('up', 'acknowledged')).toBe('repeated');
    expect(await desk.acknowledge('up', 'succeeded')).toBe('succeeded');
    const before = await desk.read('up');
    expect(await desk.acknowledge('up', 'succeeded')).toBe('repeated');
    expect(await desk.read('up')).toEqual(before);
  });

  it('with another status after the end changes neither the end nor the stored details', async () => {
    await desk.acknowledge('up', 'succeeded', { details: { result: 1 } });
    expect(await desk.acknowledge('up', 'failed', { details: { result: 2 } })).toBe('late');
    expect(await desk.read('up')).toMatchObject({
      state: 'succeeded',
      answer: { status: 'succeeded', result: 1 },
    });
  });

  it('after the command was given up is stored as evidence, and the final state stays', async () => {
    await desk.pass(HOUR + 1);
    expect(await desk.claim()).toContain('up unknown 1');
    expect(await desk.acknowledge('up', 'acknowledged')).toBe('late');
    expect(await desk.acknowledge('up', 'succeeded')).toBe('late');
    expect(await desk.read('up')).toMatchObject({
      state: 'unknown',
      answer: { id: desk.id('up'), status: 'succeeded' },
    });
  });

  it('can arrive although the broker reported no subscriber', async () => {
    await desk.requeue('up', 1);
    expect(await desk.acknowledge('up', 'succeeded')).toBe('succeeded');
    expect(await desk.claim()).toEqual(['down dispatched 1']);
  });

  it.each(['robot-10', 'robot', 'Robot-1', ''])('of %j is foreign and changes nothing', async (device) => {
    const before = await desk.read('up');
    expect(await desk.acknowledge('up', 'succeeded', { by: `${robot.fleet}/${device}` })).toBe('foreign');
    expect(await desk.read('up')).toEqual(before);
  });

  it('of another fleet is foreign', async () => {
    expect(await desk.acknowledge('up', 'succeeded', { by: `other/${robot.device}` })).toBe('foreign');
  });

  it('returns the source and the age of its command', async () => {
    await desk.pass(2000);
    const answer = { id: desk.id('up'), status: 'succeeded' as const };
    const [answered] = await acknowledgeCommands(store.redis, [
      { device: robot.name, answer, cause: 'device' },
    ]);
    expect(answered).toMatchObject({ outcome: 'succeeded', source: 'api' });
    expect(answered!.ageMs).toBeGreaterThanOrEqual(2000);
  });

  it('can be one of many in one round trip', async () => {
    const answers = [desk.id('up'), newCommandId(robot.shard), desk.id('down')].map((id) => ({
      device: robot.name,
      answer: { id, status: 'succeeded' as const },
      cause: 'device',
    }));
    const outcomes = (await acknowledgeCommands(store.redis, answers)).map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['succeeded', 'missing', 'succeeded']);
  });
});

describe('a cancellation', () => {
  it('ends a pending command', async () => {
    await desk.enqueue('up');
    const cancel = () => cancelCommand(store.redis, desk.id('up'));
    expect(await cancel()).toEqual({ state: 'cancelled', isOurs: true });
    expect(await cancel()).toEqual({ state: 'cancelled', isOurs: false });
    expect((await desk.read('up'))?.transitions).toHaveLength(2);
  });

  it('ends a command that may have been executed as unknown', async () => {
    await desk.enqueue('up');
    await desk.enqueue('down');
    await desk.claim();
    await desk.pass(LEASE_MS);
    await desk.claim();
    await desk.requeue('up', 2);
    expect(await desk.cancel('up')).toBe('unknown');
    expect((await desk.read('up'))?.transitions.at(-1)).toMatchObject({
      state: 'unknown',
      cause: 'cancelled',
    });
    expect(await desk.claim()).toEqual(['down dispatched 1']);
  });

  it.each<[state: string, reached: () => Promise<unknown>]>([
    ['dispatched', async () => {}],
    ['acknowledged', () => desk.acknowledge('up', 'acknowledged')],
    ['failed', () => desk.acknowledge('up', 'failed')],
  ])('cannot cancel a command that is %s', async (state, reached) => {
    await desk.enqueue('up');
    await desk.claim();
    await reached();
    expect([await desk.cancel('up'), await desk.states()]).toEqual([state, `up ${state}`]);
  });
});
