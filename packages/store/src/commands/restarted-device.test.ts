import type { Acknowledgement } from '@lamplighter/contracts/commands/command';
import { emitted, type Replica, reading } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { withDeviceQueue } from '../../test/store-setup.js';
import { acknowledgeCommands, giveUpCommands } from '../delivery/acknowledge-commands.js';
import type { DeviceAddress } from '../devices/device-address.js';
import { recordPresence } from '../devices/presence.js';
import type { EmittedCommand } from './emitted-command.js';
import { readCommand } from './read-commands.js';

let store: StoreUnderTest;
let lamp: DeviceAddress;
let rules: Replica;
withDeviceQueue((setup) => {
  ({ store, device: lamp, rules } = setup);
});

let light = 0;
/** A rule commands the lamp. Returns the id of the command and its immediate outcome. */
async function command(changes: Partial<EmittedCommand> = {}): Promise<[id: string, state: string]> {
  const one = emitted(lamp, { policy: 'ordered', ...changes });
  const { commands } = await rules.accept(lamp, [reading({ light: ++light })], { commands: [one] });
  return [one.id, commands[0]!.state];
}
const dispatchedAt = async (id: string) =>
  (await readCommand(store.redis, id))!.transitions.findLast(({ state }) => state === 'dispatched')!.at;
const device = () => `${lamp.fleet}/${lamp.device}`;
const acknowledgement = (id: string, status: Acknowledgement['status']) => ({
  device: device(),
  acknowledgement: { id, status },
  cause: 'acknowledgement',
});

describe('a command that repeats an earlier one because the device restarted', () => {
  it('is accepted if the earlier one was dispatched before the restart, and acknowledged', async () => {
    const [earlier] = await command();
    await acknowledgeCommands(store.redis, [acknowledgement(earlier, 'succeeded')]);
    const [, state] = await command({ restartedAt: (await dispatchedAt(earlier)) + 1 });
    expect(state).toBe('dispatched');
  });

  it.each(['dispatched', 'acknowledged', 'succeeded'] as const)(
    'is needless if the earlier one was dispatched since, and is %s',
    async (status) => {
      const [earlier] = await command();
      if (status !== 'dispatched') await acknowledgeCommands(store.redis, [acknowledgement(earlier, status)]);
      const [id, state] = await command({ restartedAt: await dispatchedAt(earlier) });
      expect([state, await readCommand(store.redis, id)]).toEqual(['needless', undefined]);
    },
  );

  it.each(['failed', 'rejected'] as const)(
    'is accepted if the earlier one was dispatched since, and %s',
    async (status) => {
      const [earlier] = await command();
      await acknowledgeCommands(store.redis, [acknowledgement(earlier, status)]);
      expect((await command({ restartedAt: await dispatchedAt(earlier) }))[1]).toBe('dispatched');
    },
  );

  it('is accepted if the earlier one ended as unknown', async () => {
    const [earlier] = await command();
    const claimedAt = await dispatchedAt(earlier);
    const lease = { id: earlier, device: device(), attempt: 1, claimedAt, cause: 'unannounced' };
    await giveUpCommands(store.redis, [lease]);
    expect((await command({ restartedAt: claimedAt }))[1]).toBe('dispatched');
  });

  it('is needless while the earlier one is pending, because that will be dispatched to the restarted device', async () => {
    const [first] = await command({ cause: 'rule:other' });
    expect((await command())[1]).toBe('pending');
    expect((await command({ restartedAt: (await dispatchedAt(first)) + 60_000 }))[1]).toBe('needless');
  });

  it('is needless if the earlier one was dispatched after the birth arrived, but before it was recorded', async () => {
    // Well before the dispatch: on a busy machine the call below may reach Redis late, which moves the arrival as far.
    const arrivedAt = performance.now() - 500;
    await command();
    let restartedAt = 0;
    const message = { online: true as const, session: 2 };
    await recordPresence(store.redis, [{ address: lamp, message, arrivedAt }], (_, startedAt) => {
      restartedAt = startedAt;
    });
    expect((await command({ restartedAt }))[1]).toBe('needless');
  });

  it('is accepted if the earlier one is of another rule or lane', async () => {
    const [earlier] = await command({ cause: 'rule:other', lane: 'fan' });
    await command({ lane: 'pump' });
    expect((await command({ lane: 'fan', restartedAt: await dispatchedAt(earlier) }))[1]).toBe('pending');
  });
});
