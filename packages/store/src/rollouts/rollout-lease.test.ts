import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import {
  claimRollout,
  commandCounts,
  runTurns,
  startRollout,
  storeReadings,
} from '../../test/rollout-setup.js';
import { acknowledgeCommands } from '../delivery/acknowledge-commands.js';
import { claimCommands } from '../delivery/claim-commands.js';
import { SHARDS, shardOf } from '../keys.js';
import { enqueueRollout } from './rollout-commands.js';
import {
  claimRollouts,
  closeRollout,
  endRollout,
  forgetRollout,
  nextDevices,
  saveRollout,
} from './rollout-lease.js';
import { cancelRollout, countRollout, readRollout } from './rollouts.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});

const names = (count: number) =>
  Array.from({ length: count }, (_, i) => `lamp-${String(i).padStart(4, '0')}`);

/** A fleet of known devices, and a rollout to all of them that a replica holds. */
async function heldByOne(count: number, changes: Parameters<typeof startRollout>[2] = {}) {
  const fleet = store.newFleet();
  const devices = names(count);
  await storeReadings(store.redis, fleet, devices);
  return { fleet, devices, held: await startRollout(store.redis, fleet, changes) };
}

describe('the devices of a rollout', () => {
  it('are each returned once, with any page size', async () => {
    const { devices, held } = await heldByOne(200);
    for (const limit of [1, 3, 64, 1000]) {
      const seen: string[] = [];
      let position = { shard: 0, after: '' };
      while (position.shard < SHARDS) {
        const page = await nextDevices(store.redis, held, position, limit);
        expect(page.devices.length).toBeLessThanOrEqual(limit);
        for (const { device, shard } of page.devices) expect(shard).toBe(shardOf(held.fleet, device));
        seen.push(...page.devices.map(({ device }) => device));
        position = page.next;
      }
      expect(seen.toSorted()).toEqual(devices);
    }
  });

  it('are those that its selector names, known or not, each once', async () => {
    const { held } = await heldByOne(20, {
      selector: { devices: ['lamp-0003', 'unknown', 'lamp-0001', 'lamp-0003'] },
    });
    const { devices, next } = await nextDevices(store.redis, held, { shard: 0, after: '' }, 100);
    expect(devices.map(({ device }) => device).toSorted()).toEqual(['lamp-0001', 'lamp-0003', 'unknown']);
    expect(next.shard).toBe(SHARDS);
  });

  it('are in the order of bytes, even if the locale has another one', async () => {
    const fleet = store.newFleet();
    const odd = ['a', 'B', 'a-b', 'ab', 'A.b', 'a_b', 'Ab', 'b', 'aB', '0', 'a0'];
    await storeReadings(store.redis, fleet, odd);
    const turns = await runTurns(store.redis, await startRollout(store.redis, fleet), { perStep: 1 });
    expect(turns.map(({ outcome }) => outcome)).toEqual(odd.map(() => 'enqueued'));
  });
});

describe('a rollout whose holder has crashed', () => {
  it('is claimed by another replica, and each device gets exactly one command', async () => {
    const { fleet, devices, held } = await heldByOne(150);
    await runTurns(store.redis, held, { most: 40 }); // the saved position
    const saved = await claimRollout(store.redis, held.id);
    await runTurns(store.redis, saved, { most: 30, saves: false }); // not saved: the holder crashed
    const turns = await runTurns(store.redis, await claimRollout(store.redis, held.id));
    expect(turns.filter(({ outcome }) => outcome === 'repeated')).toHaveLength(30);
    expect(await commandCounts(store.redis, fleet, devices)).toEqual(devices.map(() => 1));
    expect((await countRollout(store.redis, held.id)).enqueued).toBe(150);
  });

  it('is fenced from a holder that was only slow, which can neither enqueue, save nor end', async () => {
    const { fleet, devices, held } = await heldByOne(60);
    await runTurns(store.redis, held, { most: 10 });
    const next = await claimRollout(store.redis, held.id);
    const late = await enqueueRollout(
      store.redis,
      held,
      devices.map((device) => ({ device, shard: shardOf(fleet, device) })),
    );
    expect(new Set(late.map(({ outcome }) => outcome))).toEqual(new Set(['fenced']));
    expect(await saveRollout(store.redis, held, { shard: 63 })).toBe(false);
    expect(await endRollout(store.redis, held, 'aborted', await countRollout(store.redis, held.id))).toBe(
      false,
    );
    expect((await countRollout(store.redis, held.id)).enqueued).toBe(10);
    const turns = await runTurns(store.redis, next);
    expect(turns.filter(({ outcome }) => outcome === 'enqueued')).toHaveLength(50);
  });

  it('is claimed after the lease ends, by only one replica', async () => {
    const { held } = await heldByOne(1);
    expect((await claimRollouts(store.redis, 1000)).map(({ id }) => id)).not.toContain(held.id);
    await saveRollout(store.redis, held, {}, 0);
    const replicas = await Promise.all([1, 2, 3].map(() => claimRollouts(store.redis, 1000)));
    expect(replicas.flat().filter(({ id }) => id === held.id)).toHaveLength(1);
  });
});

describe('the end of a rollout', () => {
  it('through the API stops its holder immediately, even during a step', async () => {
    const { fleet, devices, held } = await heldByOne(30);
    await runTurns(store.redis, held, { most: 10 });
    await cancelRollout(store.redis, held.id);
    const turns = await runTurns(store.redis, held, { saves: false });
    expect(turns.filter(({ outcome }) => outcome === 'enqueued')).toEqual([]);
    expect((await commandCounts(store.redis, fleet, devices)).reduce((sum, count) => sum + count, 0)).toBe(
      10,
    );
  });

  it('is stored with its counts after the shards have deleted them, and a late holder changes nothing', async () => {
    const { fleet, devices, held } = await heldByOne(5);
    await runTurns(store.redis, held);
    for (const { command } of await claimCommands(store.redis, [...Array(SHARDS).keys()], 100)) {
      const device = `${command.fleet}/${command.device}`;
      await acknowledgeCommands(store.redis, [
        { device, acknowledgement: { id: command.id, status: 'succeeded' }, cause: 'device' },
      ]);
    }
    const counts = await countRollout(store.redis, held.id);
    expect(counts).toMatchObject({ enqueued: 5, outcomes: { succeeded: 5 } });
    expect(await endRollout(store.redis, held, 'done', counts)).toBe(true);
    await forgetRollout(store.redis, held.id);
    expect((await countRollout(store.redis, held.id)).enqueued).toBe(0);
    expect(await readRollout(store.redis, held.id)).toMatchObject({ state: 'done', ...counts });
    const late = await enqueueRollout(store.redis, held, [
      { device: devices[0]!, shard: shardOf(fleet, devices[0]!) },
    ]);
    expect(late).toMatchObject([{ outcome: 'fenced' }]);
    expect(await cancelRollout(store.redis, held.id)).toEqual({ state: 'done', isOurs: false });
  });

  it('that was written before the holder crashed is completed by the next one', async () => {
    const { held } = await heldByOne(1);
    await cancelRollout(store.redis, held.id);
    const sweeper = await claimRollout(store.redis, held.id);
    const counts = await countRollout(store.redis, held.id);
    await saveRollout(store.redis, sweeper, { phase: 'closed', counts: JSON.stringify(counts) }, 0);
    expect((await claimRollouts(store.redis, 1000)).map(({ id }) => id)).not.toContain(held.id);
    expect(await store.redis.zscore('{lamplighter}:rollouts-due', held.id)).toBeNull();
    expect(await countRollout(store.redis, held.id)).toMatchObject({ enqueued: 0 });
    await closeRollout(store.redis, sweeper, counts); // repeated
  });
});
