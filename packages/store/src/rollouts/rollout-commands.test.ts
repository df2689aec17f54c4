import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { runTurns, startRollout, storeReadings } from '../../test/rollout-setup.js';
import { enqueueCommand } from '../commands/enqueue-command.js';
import { listCommands, readCommand } from '../commands/read-commands.js';
import { claimCommands } from '../delivery/claim-commands.js';
import { MAX_OPEN_COMMANDS, SHARDS, shardOf } from '../keys.js';
import { sweepRollout } from './rollout-commands.js';
import { countRollout } from './rollouts.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});

/** A complete sweep. Returns the ids of the commands that it ended, by state. */
async function swept(rollout: { id: string; fleet: string }): Promise<Record<string, string[]>> {
  const ended: Record<string, string[]> = {};
  for (let shard = 0; shard < SHARDS; shard += 1) {
    let after = '';
    do {
      const page = await sweepRollout(store.redis, rollout, shard, after);
      for (const { state, id } of page.ended) ended[state] = [...(ended[state] ?? []), id];
      after = page.next;
    } while (after !== '');
  }
  return ended;
}

const direct = (fleet: string, device: string, lane: string) =>
  enqueueCommand(store.redis, {
    fleet,
    device,
    lane,
    policy: 'ordered',
    ttl: 3_600_000,
    action: { do: 1 },
  });

describe("a device's turn", () => {
  it('enqueues a command with the source and the delivery of the rollout', async () => {
    const fleet = store.newFleet();
    await storeReadings(store.redis, fleet, ['lamp']);
    const held = await startRollout(store.redis, fleet, {
      policy: 'ordered',
      onFailure: 'stop',
      lane: 'arm',
      ttl: '10m',
      timeout: '5s',
      attempts: 2,
    });
    const [turn] = await runTurns(store.redis, held);
    const command = (await readCommand(store.redis, turn!.id))!;
    expect(command).toMatchObject({
      ...{
        fleet,
        device: 'lamp',
        lane: 'arm',
        policy: 'ordered',
        onFailure: 'stop',
        timeoutMs: 5000,
        attempts: 2,
      },
      ...{ action: { led_on: true }, source: 'rollout', rollout: held.id, state: 'pending' },
    });
    expect(command.expiresAt - command.createdAt).toBe(600_000);
  });

  it('supersedes pending commands of its lane, like any command', async () => {
    const fleet = store.newFleet();
    await storeReadings(store.redis, fleet, ['lamp']);
    const before = await direct(fleet, 'lamp', 'led_on');
    const [turn] = await runTurns(store.redis, await startRollout(store.redis, fleet));
    expect(turn).toMatchObject({ outcome: 'enqueued', superseded: [(before as { id: string }).id] });
  });

  it('without a command is counted by its reason', async () => {
    const fleet = store.newFleet();
    await storeReadings(store.redis, fleet, ['full', 'fine']);
    for (let i = 0; i < MAX_OPEN_COMMANDS; i += 1) await direct(fleet, 'full', 'arm');
    await direct(fleet, 'never-seen', 'arm');
    const held = await startRollout(store.redis, fleet, {
      policy: 'now',
      selector: { devices: ['fine', 'full', 'never-seen', 'unknown'] },
    });
    const outcomes = (await runTurns(store.redis, held)).map(({ device, outcome }) => `${device} ${outcome}`);
    expect(outcomes.toSorted()).toEqual([
      'fine enqueued',
      'full queue_full',
      'never-seen unreachable',
      'unknown unknown_device',
    ]);
    expect(await countRollout(store.redis, held.id)).toMatchObject({
      enqueued: 1,
      skipped: { queue_full: 1, unreachable: 1, unknown_device: 1 },
    });
    expect(await runTurns(store.redis, held)).toMatchObject(outcomes.map(() => ({ outcome: 'repeated' })));
    expect((await countRollout(store.redis, held.id)).skipped).toEqual({
      queue_full: 1,
      unreachable: 1,
      unknown_device: 1,
    });
  });
});

describe('a sweep', () => {
  it('cancels the pending commands of its rollout, and no others', async () => {
    const fleet = store.newFleet();
    const devices = Array.from({ length: 300 }, (_, i) => `lamp-${i}`);
    await storeReadings(store.redis, fleet, devices);
    const held = await startRollout(store.redis, fleet, { policy: 'ordered', lane: 'arm' });
    const other = await startRollout(store.redis, fleet, { policy: 'ordered', lane: 'arm' });
    const own = await direct(fleet, 'lamp-7', 'arm');
    const turns = await runTurns(store.redis, held);
    await runTurns(store.redis, other);
    const claimed = (await claimCommands(store.redis, [shardOf(fleet, 'lamp-1')], 100)).map(
      ({ command }) => command.id,
    );
    const ofRollout = turns.map(({ id }) => id);
    const ended = await swept(held);
    expect(ended.cancelled!.toSorted()).toEqual(ofRollout.filter((id) => !claimed.includes(id)).toSorted());
    expect((await readCommand(store.redis, ended.cancelled![0]!))!.transitions.at(-1)).toMatchObject({
      state: 'cancelled',
      cause: `rollout:${held.id}`,
    });
    expect((await readCommand(store.redis, (own as { id: string }).id))!.state).toMatch(/pending|dispatched/);
    expect(await countRollout(store.redis, other.id)).toMatchObject({
      enqueued: 300,
      outcomes: { cancelled: 0 },
    });
    const counts = await countRollout(store.redis, held.id);
    expect(counts.outcomes.cancelled).toBe(ended.cancelled!.length);
  });

  it('advances the lanes of cancelled commands', async () => {
    const fleet = store.newFleet();
    await storeReadings(store.redis, fleet, ['lamp']);
    const held = await startRollout(store.redis, fleet, {
      policy: 'ordered',
      lane: 'arm',
      onFailure: 'stop',
    });
    await runTurns(store.redis, held);
    await direct(fleet, 'lamp', 'arm');
    await swept(held);
    const claims = await claimCommands(store.redis, [shardOf(fleet, 'lamp')], 100);
    expect(claims.find(({ command }) => command.fleet === fleet)?.command.source).toBe('api');
    expect(await listCommands(store.redis, fleet, 'lamp', { limit: 10 })).toHaveLength(2);
  });
});
