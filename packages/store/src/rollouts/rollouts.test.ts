import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { claimRollout, rolloutRequest } from '../../test/rollout-setup.js';
import { ROLLOUTS_DUE_KEY, rolloutKey } from '../keys.js';
import { closeRollout } from './rollout-lease.js';
import {
  cancelRollout,
  countRollout,
  createRollout,
  isRolloutId,
  listRollouts,
  MAX_UNFINISHED_OF_FLEET,
  ROLLOUTS_KEPT_PER_FLEET,
  readRollout,
} from './rollouts.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});

async function create(fleet: string): Promise<string> {
  const result = await createRollout(store.redis, fleet, rolloutRequest());
  if (result.outcome !== 'created') throw new Error(result.outcome);
  return result.rollout.id;
}

/** Finishes a rollout without commands. */
async function finish(id: string): Promise<void> {
  await cancelRollout(store.redis, id);
  await closeRollout(store.redis, await claimRollout(store.redis, id), await countRollout(store.redis, id));
}

describe('a rollout', () => {
  it('is read as created, and runs', async () => {
    const fleet = store.newFleet();
    const request = rolloutRequest({ selector: { presence: 'online', when: 'light < 300' }, abortAbove: 10 });
    const result = await createRollout(store.redis, fleet, request);
    if (result.outcome !== 'created') throw new Error(result.outcome);
    const { rollout } = result;
    expect(isRolloutId(rollout.id)).toBe(true);
    expect(rollout).toMatchObject({ fleet, state: 'running', request, enqueued: 0 });
    expect(Math.abs(rollout.startedAt - Date.now())).toBeLessThan(10_000);
    expect(await readRollout(store.redis, rollout.id)).toEqual(rollout);
  });

  it.each(['01KAP3Z8Q4T5V6W7X8Y9ZABCDE', 'no-id'])('is undefined for an unknown id: %s', async (id) => {
    expect(await readRollout(store.redis, id)).toBeUndefined();
    expect(await cancelRollout(store.redis, id)).toEqual({ state: 'missing', isOurs: false });
  });

  it('is cancelled once', async () => {
    const id = await create(store.newFleet());
    expect(await cancelRollout(store.redis, id)).toEqual({ state: 'cancelled', isOurs: true });
    expect(await cancelRollout(store.redis, id)).toEqual({ state: 'cancelled', isOurs: false });
    const rollout = await readRollout(store.redis, id);
    expect(rollout?.state).toBe('cancelled');
    expect(rollout!.endedAt).toBeGreaterThanOrEqual(rollout!.startedAt);
  });

  it('with an idempotency key is created once, and another request with that key is rejected', async () => {
    const fleet = store.newFleet();
    const createWithKey = (request: string, key = 'k') =>
      createRollout(store.redis, fleet, rolloutRequest(), { key, request });
    const first = await createWithKey('{"led_on":true}');
    if (first.outcome !== 'created') throw new Error(first.outcome);
    expect(await createWithKey('{"led_on":true}')).toEqual({ outcome: 'repeated', id: first.rollout.id });
    expect(await createWithKey('{"led_on":false}')).toEqual({ outcome: 'reused' });
    expect((await createWithKey('{"led_on":true}', 'other')).outcome).toBe('created');
    expect(await listRollouts(store.redis, fleet, { limit: 10 })).toHaveLength(2);
  });
});

describe("a fleet's rollouts", () => {
  it('are listed newest first, page by page, without those of other fleets', async () => {
    const fleet = store.newFleet();
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.unshift(await create(fleet));
    await create(store.newFleet());
    const newestFirst = ids.toSorted().reverse(); // any order within a millisecond
    const page = await listRollouts(store.redis, fleet, { limit: 3 });
    expect(page.map(({ id }) => id)).toEqual(newestFirst.slice(0, 3));
    const rest = await listRollouts(store.redis, fleet, { limit: 3, before: page.at(-1)!.id });
    expect(rest.map(({ id }) => id)).toEqual(newestFirst.slice(3));
  });

  it('are rejected at the limit of unfinished ones, until one is finished', async () => {
    const fleet = store.newFleet();
    const ids: string[] = [];
    for (let i = 0; i < MAX_UNFINISHED_OF_FLEET; i += 1) ids.push(await create(fleet));
    expect(await createRollout(store.redis, fleet, rolloutRequest())).toEqual({ outcome: 'full' });
    await finish(ids[20]!);
    expect((await createRollout(store.redis, fleet, rolloutRequest())).outcome).toBe('created');
    for (const id of await store.redis.zrange(ROLLOUTS_DUE_KEY, '0', '-1')) await finish(id);
  }, 60_000);

  it('at the limit of stored ones replace the oldest finished ones', async () => {
    const fleet = store.newFleet();
    const unfinished = await create(fleet);
    const finished: string[] = [];
    for (let i = 0; i < ROLLOUTS_KEPT_PER_FLEET - 1; i += 1) {
      finished.push(await create(fleet));
      await finish(finished.at(-1)!);
    }
    const [oldest, second] = finished.toSorted();
    await create(fleet);
    const kept = (await listRollouts(store.redis, fleet, { limit: 1000 })).map(({ id }) => id);
    expect(kept).toHaveLength(ROLLOUTS_KEPT_PER_FLEET);
    expect(kept).toContain(unfinished);
    expect(kept).not.toContain(oldest);
    expect(kept).toContain(second);
    expect(await store.redis.exists(rolloutKey(oldest!))).toBe(0);
  }, 60_000);
});
