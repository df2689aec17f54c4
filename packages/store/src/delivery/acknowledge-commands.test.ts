import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import type { CommandDesk } from '../../test/command-desk.js';
import { withCommandDesk } from '../../test/command-setup.js';
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
      expect(await desk.read('up')).toMatchObject({
        state: status,
        answer: { id: desk.id('up'), status, reason: 'so it is', result: { angle: 90 } },
      });
    },
  );

  it('may overtake the acknowledgement', async () => {
    expect(await desk.answer('up', 'succeeded')).toBe('succeeded');
    expect(await desk.answer('up', 'acknowledged')).toBe('late');
    expect((await desk.read('up'))?.transitions.map(({ state }) => state)).toEqual([
      'pending',
      'dispatched',
      'succeeded',
    ]);
  });

  it('may come twice', async () => {
    expect(await desk.answer('up', 'acknowledged')).toBe('acknowledged');
    expect(await desk.answer('up', 'acknowledged')).toBe('repeated');
    expect(await desk.answer('up', 'succeeded')).toBe('succeeded');
    const before = await desk.read('up');
    expect(await desk.answer('up', 'succeeded')).toBe('repeated');
    expect(await desk.read('up')).toEqual(before);
  });

  it('of another kind after the end changes neither the end nor what was said', async () => {
    await desk.answer('up', 'succeeded', { said: { result: 1 } });
    expect(await desk.answer('up', 'failed', { said: { result: 2 } })).toBe('late');
    expect(await desk.read('up')).toMatchObject({
      state: 'succeeded',
      answer: { status: 'succeeded', result: 1 },
    });
  });

  it('after the command was given up is kept as evidence, though the end stays', async () => {
    await desk.pass(HOUR + 1);
    expect(await desk.claim()).toContain('up unknown 1');
    expect(await desk.answer('up', 'acknowledged')).toBe('late');
    expect(await desk.answer('up', 'succeeded')).toBe('late');
    expect(await desk.read('up')).toMatchObject({
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
    const before = await desk.read('up');
    expect(await desk.answer('up', 'succeeded', { by: `${robot.fleet}/${device}` })).toBe('foreign');
    expect(await desk.read('up')).toEqual(before);
  });

  it('of another fleet is foreign', async () => {
    expect(await desk.answer('up', 'succeeded', { by: `other/${robot.device}` })).toBe('foreign');
  });

  it('says whose command it was and how old', async () => {
    await desk.pass(2000);
    const answer = { id: desk.id('up'), status: 'succeeded' as const };
    const [answered] = await acknowledgeCommands(store.redis, [
      { device: robot.name, answer, cause: 'device' },
    ]);
    expect(answered).toMatchObject({ outcome: 'succeeded', source: 'api' });
    expect(answered!.ageMs).toBeGreaterThanOrEqual(2000);
  });

  it('may be one of many in one round trip', async () => {
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
  it('ends what waits', async () => {
    await desk.enqueue('up');
    const cancel = () => cancelCommand(store.redis, desk.id('up'));
    expect(await cancel()).toEqual({ state: 'cancelled', isOurs: true });
    expect(await cancel()).toEqual({ state: 'cancelled', isOurs: false });
    expect((await desk.read('up'))?.transitions).toHaveLength(2);
  });

  it('of one that may have been executed ends it as unknown', async () => {
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
    ['acknowledged', () => desk.answer('up', 'acknowledged')],
    ['failed', () => desk.answer('up', 'failed')],
  ])('cannot call back what is %s', async (state, reached) => {
    await desk.enqueue('up');
    await desk.claim();
    await reached();
    expect([await desk.cancel('up'), await desk.states()]).toEqual([state, `up ${state}`]);
  });
});
