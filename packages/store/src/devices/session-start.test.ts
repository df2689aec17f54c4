import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { until } from '@lamplighter/test-kit/until';
import { withDevice } from '../../test/store-setup.js';
import { redisNow } from '../redis/connect.js';
import type { DeviceAddress } from './device-address.js';
import { type PresenceMessage, recordPresence } from './presence.js';

let store: StoreUnderTest;
let lamp: DeviceAddress;
withDevice((setup) => {
  ({ store, device: lamp } = setup);
});

/** Milliseconds within which a test's calls of Redis complete. */
const CALLS_MS = 1000;

/** Records a birth and returns the start that the store reports for its session. */
async function recordBirth(
  session: number,
  { delayMs = 0, boot, ...options }: Partial<PresenceMessage> & { delayMs?: number; boot?: string } = {},
): Promise<number> {
  const starts: number[] = [];
  const message = { online: true as const, session, ...(boot !== undefined && { boot }) };
  const arrivedAt = performance.now() - delayMs;
  await recordPresence(store.redis, [{ address: lamp, message, arrivedAt, ...options }], (_, startedAt) =>
    starts.push(startedAt),
  );
  return starts[0]!;
}

describe('the start of a session', () => {
  it('is the arrival of its birth, however late Redis records it', async () => {
    const before = await redisNow(store.redis);
    const startedAt = await recordBirth(1, { delayMs: 20_000 });
    expect(startedAt).toBeGreaterThanOrEqual(before - 20_000 - 1);
    expect(startedAt).toBeLessThan(before - 20_000 + CALLS_MS);
  });

  it('is the same when the birth is recorded again', async () => {
    const startedAt = await recordBirth(1, { delayMs: 500 });
    expect(await recordBirth(1)).toBe(startedAt);
  });

  it('is later than the start of the previous session, although its own birth arrived earlier', async () => {
    const first = await recordBirth(1);
    await store.redis.hset(lamp.deviceKey, 'sessions', '1,1'); // the arrival of the first birth
    await until(async () => (await redisNow(store.redis)) > first, {
      what: 'the next millisecond',
      everyMs: 1,
    });
    const second = await recordBirth(2, { delayMs: 20_000 });
    expect(second).toBe(first + 1);
  });

  it('is not later than now, though the previous birth seems to have arrived in the future', async () => {
    const recorder = { replica: 'a', number: 1 };
    await recordBirth(1, { recorder });
    await store.redis.hset(lamp.deviceKey, 'sessions', `${(await redisNow(store.redis)) + 900},1`);
    const startedAt = await recordBirth(2, { recorder: { replica: 'a', number: 2 } });
    expect(startedAt).toBeLessThanOrEqual(await redisNow(store.redis));
  });

  it('is not later than now, though the previous session started before the clock went backwards', async () => {
    await recordBirth(1);
    const later = (await redisNow(store.redis)) + 3_600_000;
    await store.redis.hset(lamp.deviceKey, 'session', `1,1,${later},latest,,,${later}`);
    expect(await recordBirth(2)).toBeLessThanOrEqual(await redisNow(store.redis));
  });

  it('is the start of the previous session if the birth names the same boot', async () => {
    const startedAt = await recordBirth(1, { boot: 'boot-1', delayMs: 500 });
    expect(await recordBirth(2, { boot: 'boot-1' })).toBe(startedAt);
    expect(await recordBirth(3, { boot: 'boot-2' })).toBeGreaterThan(startedAt);
  });
});
