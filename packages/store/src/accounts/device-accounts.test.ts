import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { ACCOUNTS_KEY } from '../keys.js';
import {
  enrolDevices,
  listAccounts,
  MAX_ACCOUNTS,
  MAX_ACCOUNTS_KEPT,
  NamesTaken,
  readAccount,
  readAccountsRevision,
  readBrokerAccounts,
  renewPassword,
  revokeAccount,
  setAccountState,
  TooManyAccounts,
} from './device-accounts.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});
beforeEach(async () => {
  await store.redis.flushall();
});

const enrol = (fleet: string, ...devices: string[]) => enrolDevices(store.redis, fleet, devices);
const hashes = async () =>
  Object.fromEntries(
    [...(await readBrokerAccounts(store.redis))].map(([device, { hash }]) => [device, hash]),
  );

describe('enrolling', () => {
  it('returns a password for each device, and stores only hashes', async () => {
    const passwords = await enrol('plant', 'pump-1', 'pump-2');
    expect(passwords.map(({ device }) => device)).toEqual(['pump-1', 'pump-2']);
    expect(new Set(passwords.map(({ password }) => password)).size).toBe(2);
    const stored = JSON.stringify(await store.redis.hgetall(ACCOUNTS_KEY));
    for (const { password } of passwords) {
      expect(password).toMatch(/^[\w-]{32}$/);
      expect(stored).not.toContain(password);
    }
    expect(await hashes()).toEqual({
      'pump-1': expect.stringMatching(/^[$]7[$]101[$][\w+/]{16}[$][\w+/]{86}==$/),
      'pump-2': expect.stringMatching(/^[$]7[$]101[$]/),
    });
  });

  it('creates all accounts or none', async () => {
    await enrol('plant', 'pump-1');
    const before = [await hashes(), await readAccountsRevision(store.redis)];
    const refused = await enrol('plant', 'pump-2', 'pump-1').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(NamesTaken);
    expect(refused).toMatchObject({ devices: ['pump-1'] });
    expect([await hashes(), await readAccountsRevision(store.redis)]).toEqual(before);
  });

  it('refuses a name that a device of another fleet has', async () => {
    await enrol('plant', 'pump-1');
    await expect(enrol('depot', 'pump-1')).rejects.toBeInstanceOf(NamesTaken);
  });

  it('never gives the name of a revoked account to a device', async () => {
    await enrol('plant', 'pump-1');
    expect(await revokeAccount(store.redis, 'plant', 'pump-1')).toBe(true);
    await expect(enrol('plant', 'pump-1')).rejects.toBeInstanceOf(NamesTaken);
    await expect(enrol('depot', 'pump-1')).rejects.toBeInstanceOf(NamesTaken);
    expect(await hashes()).toEqual({});
  });

  it('of one name succeeds once, even if many clients try concurrently', async () => {
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => enrol('plant', 'pump-1')));
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('refuses more accounts than the limit, until one is revoked', async () => {
    const names = Array.from({ length: MAX_ACCOUNTS - 1 }, (_, i) => `other-${i}`);
    for (let i = 0; i < names.length; i += 500) await enrol('plant', ...names.slice(i, i + 500));
    await expect(enrol('plant', 'pump-1', 'pump-2')).rejects.toBeInstanceOf(TooManyAccounts);
    await enrol('plant', 'pump-1');
    await expect(enrol('depot', 'pump-2')).rejects.toBeInstanceOf(TooManyAccounts);
    await revokeAccount(store.redis, 'plant', 'other-0');
    await enrol('depot', 'pump-2');
  });

  it('refuses more accounts than are kept, even if most are revoked', async () => {
    await enrol('plant', 'pump-1');
    await revokeAccount(store.redis, 'plant', 'pump-1');
    const record = (await store.redis.hget(ACCOUNTS_KEY, 'pump-1'))!;
    const fields = Array.from({ length: MAX_ACCOUNTS_KEPT - 2 }, (_, i) => [`other-${i}`, record]);
    for (let i = 0; i < fields.length; i += 10_000)
      await store.redis.hset(ACCOUNTS_KEY, ...fields.slice(i, i + 10_000).flat());
    await expect(enrol('plant', 'pump-2', 'pump-3')).rejects.toBeInstanceOf(TooManyAccounts);
    await enrol('plant', 'pump-2');
    await expect(enrol('plant', 'pump-3')).rejects.toBeInstanceOf(TooManyAccounts);
  });
});

describe('an account', () => {
  beforeEach(() => enrol('plant', 'pump-1'));

  it('has the times of its creation and of its last change', async () => {
    const created = (await readAccount(store.redis, 'plant', 'pump-1'))!;
    expect(created).toEqual({
      fleet: 'plant',
      device: 'pump-1',
      state: 'enabled',
      createdAt: expect.any(Number),
      changedAt: created.createdAt,
    });
    const changed = (await setAccountState(store.redis, 'plant', 'pump-1', 'disabled'))!;
    expect(changed).toMatchObject({ state: 'disabled', createdAt: created.createdAt });
    expect(changed.changedAt).toBeGreaterThanOrEqual(created.changedAt);
    expect(await readAccount(store.redis, 'plant', 'pump-1')).toEqual(changed);
  });

  it('has no hash at the broker while it is disabled, and the same one afterwards', async () => {
    const before = await hashes();
    await setAccountState(store.redis, 'plant', 'pump-1', 'disabled');
    expect(await hashes()).toEqual({});
    await setAccountState(store.redis, 'plant', 'pump-1', 'enabled');
    expect(await hashes()).toEqual(before);
  });

  it('has another hash after its password was renewed, which does not enable it', async () => {
    const before = await hashes();
    await setAccountState(store.redis, 'plant', 'pump-1', 'disabled');
    expect(await renewPassword(store.redis, 'plant', 'pump-1')).toEqual({
      device: 'pump-1',
      password: expect.stringMatching(/^[\w-]{32}$/),
    });
    expect(await hashes()).toEqual({});
    await setAccountState(store.redis, 'plant', 'pump-1', 'enabled');
    expect(await hashes()).not.toEqual(before);
  });

  it.each([
    ['of another fleet is not revoked', () => revokeAccount(store.redis, 'depot', 'pump-1')],
    ['that does not exist is not revoked', () => revokeAccount(store.redis, 'plant', 'pump-2')],
    ['of another fleet is not disabled', () => setAccountState(store.redis, 'depot', 'pump-1', 'disabled')],
    ['of another fleet keeps its password', () => renewPassword(store.redis, 'depot', 'pump-1')],
    ['of another fleet is not found', () => readAccount(store.redis, 'depot', 'pump-1')],
  ])('%s', async (_, change) => {
    const before = await hashes();
    expect((await change()) ?? false).toBe(false);
    expect(await hashes()).toEqual(before);
  });

  it('that was revoked is not found, and cannot be enabled', async () => {
    await revokeAccount(store.redis, 'plant', 'pump-1');
    expect(await readAccount(store.redis, 'plant', 'pump-1')).toBeUndefined();
    expect(await setAccountState(store.redis, 'plant', 'pump-1', 'enabled')).toBeUndefined();
    expect(await renewPassword(store.redis, 'plant', 'pump-1')).toBeUndefined();
    expect(await revokeAccount(store.redis, 'plant', 'pump-1')).toBe(false);
    expect((await listAccounts(store.redis, 'plant', { limit: 10 })).accounts).toEqual([]);
  });
});

it('accounts are listed by name and in pages, those of other fleets apart', async () => {
  await enrol('plant', 'b', 'a', 'c');
  await enrol('plant-2', 'd');
  await enrol('plan', 'e');
  const first = await listAccounts(store.redis, 'plant', { limit: 2 });
  expect(first).toMatchObject({ accounts: [{ device: 'a' }, { device: 'b' }], next: 'b' });
  const rest = await listAccounts(store.redis, 'plant', { limit: 2, after: 'b' });
  expect(rest.accounts).toMatchObject([{ device: 'c' }]);
  expect(rest.next).toBeUndefined();
});

it('each change increases the revision', async () => {
  expect(await readAccountsRevision(store.redis)).toBeNull();
  await enrol('plant', 'pump-1', 'pump-2');
  expect(await readAccountsRevision(store.redis)).toBe('1');
  await setAccountState(store.redis, 'plant', 'pump-1', 'disabled');
  await renewPassword(store.redis, 'plant', 'pump-2');
  await revokeAccount(store.redis, 'plant', 'pump-2');
  expect(await readAccountsRevision(store.redis)).toBe('4');
});
