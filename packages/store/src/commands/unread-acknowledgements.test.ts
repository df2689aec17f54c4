import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { CommandDesk } from '../../test/command-desk.js';
import type { DeviceAddress } from '../devices/device-address.js';
import { COMMANDS_KEPT_PER_DEVICE } from '../keys.js';
import { MAX_UNREAD, recordUnreadAcknowledgements } from './unread-acknowledgements.js';

let store: StoreUnderTest;
let robot: DeviceAddress;
let desk: CommandDesk;
beforeAll(async () => {
  store = await startStore({ fast: true });
});
beforeEach(async () => {
  await store.redis.flushall();
  robot = store.newDevice('robot-1');
  desk = new CommandDesk(store.redis, robot);
  await desk.connect();
});

const PROBLEM = '`status` must be one of acknowledged, succeeded, failed, rejected, not the text "ok"';
async function note({
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
  const [noted] = await recordUnreadAcknowledgements(store.redis, [
    { fleet, device, id, field: '/status', problem, payload },
  ]);
  return noted === undefined ? undefined : desk.name(noted);
}

describe('an answer that was not understood', () => {
  it('stands beside the command of its id, and changes no state', async () => {
    await desk.enqueue('up');
    await desk.enqueue('down', { lane: 'other' });
    await desk.claim();
    const before = await desk.read('up');
    expect(await note({ id: desk.id('up') })).toBe('up');
    const after = await desk.read('up');
    expect(after).toEqual({
      ...before,
      unread: [{ at: expect.any(Number), field: '/status', problem: PROBLEM, payload: '{"status":"ok"}' }],
    });
    expect((await desk.read('down'))?.unread).toBeUndefined();
    expect(await desk.answer('up', 'succeeded')).toBe('succeeded');
    expect((await desk.read('up'))?.unread).toHaveLength(1);
  });

  it.each([
    ['without an id', undefined],
    ['with an id that no command has', 'no-such-id'],
  ])('%s belongs to the command that was sent last', async (_what, id) => {
    await desk.enqueue('up');
    await desk.claim();
    await desk.enqueue('waiting');
    expect(await note(id === undefined ? {} : { id })).toBe('up');
  });

  it('belongs to the command that was given up at once if the device never announced itself', async () => {
    await desk.enqueue('up');
    await desk.claim();
    await desk.giveUp('up');
    expect(await note()).toBe('up');
  });

  it('belongs to no command if none was sent, or the last one has ended', async () => {
    expect(await note()).toBeUndefined();
    await desk.enqueue('up');
    expect(await note()).toBeUndefined();
    await desk.claim();
    await desk.answer('up', 'succeeded');
    expect(await note()).toBeUndefined();
  });

  it('of another device is not noted beside this one’s command', async () => {
    await desk.enqueue('up');
    await desk.claim();
    expect(await note({ device: 'robot-2', id: desk.id('up') })).toBeUndefined();
    expect((await desk.read('up'))?.unread).toBeUndefined();
  });

  it('is one of a few: the oldest make room', async () => {
    await desk.enqueue('up');
    await desk.claim();
    for (let i = 1; i <= MAX_UNREAD + 2; i += 1) await note({ problem: `${i}\n${'x'.repeat(1000)}` });
    const kept = (await desk.read('up'))?.unread ?? [];
    expect(kept.map(({ problem }) => problem.split('\n')[0])).toEqual(['7', '6', '5', '4', '3']);
    expect(kept[0]?.problem).toHaveLength(300);
  });

  it('is forgotten with its command', async () => {
    await desk.enqueue('first', { lane: 'first' });
    await desk.claim();
    await note();
    await desk.answer('first', 'succeeded');
    for (let i = 0; i < COMMANDS_KEPT_PER_DEVICE; i += 1) {
      await desk.enqueue(`${i}`);
      await desk.claim();
      await desk.answer(`${i}`, 'succeeded');
    }
    expect(await desk.read('first')).toBeUndefined();
    expect(await store.redis.hkeys(`{${robot.shard}}:answers`)).not.toContain(`${desk.id('first')}:unread`);
  });
});
