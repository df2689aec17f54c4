import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { carryOn, commandCounts, heardOf, heldRollout, take } from '../../test/rollout-desk.js';
import { acknowledgeCommands } from '../delivery/acknowledge-commands.js';
import { claimCommands } from '../delivery/claim-commands.js';
import { SHARDS, shardOf } from '../keys.js';
import { enqueueRollout } from './rollout-commands.js';
import {
  closeRollout,
  endRollout,
  forgetRollout,
  nextDevices,
  saveRollout,
  takeRollouts,
} from './rollout-lease.js';
import { cancelRollout, countRollout, readRollout } from './rollouts.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});

const names = (count: number) =>
  Array.from({ length: count }, (_, i) => `lamp-${String(i).padStart(4, '0')}`);

/** A fleet of devices that the store has heard of, and a rollout to all of them in one replica's hands. */
async function begun(count: number, changes: Parameters<typeof heldRollout>[2] = {}) {
  const fleet = store.newFleet();
  const devices = names(count);
  await heardOf(store.redis, fleet, devices);
  return { fleet, devices, held: await heldRollout(store.redis, fleet, changes) };
}

describe('the devices of a rollout', () => {
  it('are each passed once, whatever the size of a page', async () => {
    const { devices, held } = await begun(200);
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
    const { held } = await begun(20, {
      selector: { devices: ['lamp-0003', 'nobody', 'lamp-0001', 'lamp-0003'] },
    });
    const { devices, next } = await nextDevices(store.redis, held, { shard: 0, after: '' }, 100);
    expect(devices.map(({ device }) => device).toSorted()).toEqual(['lamp-0001', 'lamp-0003', 'nobody']);
    expect(next.shard).toBe(SHARDS);
  });

  it('come in the order of bytes, also where a locale has another one', async () => {
    const fleet = store.newFleet();
    const odd = ['a', 'B', 'a-b', 'ab', 'A.b', 'a_b', 'Ab', 'b', 'aB', '0', 'a0'];
    await heardOf(store.redis, fleet, odd);
    const turns = await carryOn(store.redis, await heldRollout(store.redis, fleet), { perStep: 1 });
    expect(turns.map(({ outcome }) => outcome)).toEqual(odd.map(() => 'enqueued'));
  });
});

describe('a rollout whose holder is gone', () => {
  it('is taken by another one, and no device gets a second command or none', async () => {
    const { fleet, devices, held } = await begun(150);
    await carryOn(store.redis, held, { most: 40 }); // saved up to here
    const saved = await take(store.redis, held.id);
    await carryOn(store.redis, saved, { most: 30, saves: false }); // done, and not saved: it died
    const turns = await carryOn(store.redis, await take(store.redis, held.id));
    expect(turns.filter(({ outcome }) => outcome === 'repeated')).toHaveLength(30);
    expect(await commandCounts(store.redis, fleet, devices)).toEqual(devices.map(() => 1));
    expect((await countRollout(store.redis, held.id)).enqueued).toBe(150);
  });

  it('that was only slow finds itself shut out: it makes no command, saves and ends nothing', async () => {
    const { fleet, devices, held } = await begun(60);
    await carryOn(store.redis, held, { most: 10 });
    const next = await take(store.redis, held.id);
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
    const turns = await carryOn(store.redis, next);
    expect(turns.filter(({ outcome }) => outcome === 'enqueued')).toHaveLength(50);
  });

  it('is not taken while the lease lasts, and by one replica only', async () => {
    const { held } = await begun(1);
    expect((await takeRollouts(store.redis, 1000)).map(({ id }) => id)).not.toContain(held.id);
    await saveRollout(store.redis, held, {}, 0);
    const replicas = await Promise.all([1, 2, 3].map(() => takeRollouts(store.redis, 1000)));
    expect(replicas.flat().filter(({ id }) => id === held.id)).toHaveLength(1);
  });
});

describe('the end of a rollout', () => {
  it('by REST stops its holder at once, even in the middle of a step', async () => {
    const { fleet, devices, held } = await begun(30);
    await carryOn(store.redis, held, { most: 10 });
    await cancelRollout(store.redis, held.id);
    const turns = await carryOn(store.redis, held, { saves: false });
    expect(turns.filter(({ outcome }) => outcome === 'enqueued')).toEqual([]);
    expect((await commandCounts(store.redis, fleet, devices)).reduce((sum, count) => sum + count, 0)).toBe(
      10,
    );
  });

  it('is kept with its counts when the shards have forgotten it, and a late holder changes nothing then', async () => {
    const { fleet, devices, held } = await begun(5);
    await carryOn(store.redis, held);
    for (const { command } of await claimCommands(store.redis, [...Array(SHARDS).keys()], 100)) {
      const device = `${command.fleet}/${command.device}`;
      await acknowledgeCommands(store.redis, [
        { device, answer: { id: command.id, status: 'succeeded' }, cause: 'device' },
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

  it('that was written when the holder died is brought to its close by the next one', async () => {
    const { held } = await begun(1);
    await cancelRollout(store.redis, held.id);
    const sweeper = await take(store.redis, held.id);
    const counts = await countRollout(store.redis, held.id);
    await saveRollout(store.redis, sweeper, { phase: 'closed', counts: JSON.stringify(counts) }, 0);
    expect((await takeRollouts(store.redis, 1000)).map(({ id }) => id)).not.toContain(held.id);
    expect(await store.redis.zscore('{lamplighter}:rollouts-due', held.id)).toBeNull();
    expect(await countRollout(store.redis, held.id)).toMatchObject({ enqueued: 0 });
    await closeRollout(store.redis, sweeper, counts); // and again
  });
});
