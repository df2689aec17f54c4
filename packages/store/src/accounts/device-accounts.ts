import type { Redis } from 'ioredis';
import { ACCOUNT_NAMES_KEY, ACCOUNTS_KEY } from '../keys.js';
import { callFunction } from '../redis/functions.js';
import { newPassword, passwordHash } from './password-hash.js';

/**
 * Accounts of devices at the broker, in one HASH: `<device>` → JSON. The user name is the name of the device, which is therefore unique in
 * the installation. `*` → how often any was changed; it is not a valid device name.
 */

/** Accounts of one installation. With more, a change would stall the broker for more than a second (docs/running.md). */
export const MAX_ACCOUNTS = 2000;
/** The same with revoked ones, whose names are kept. */
export const MAX_ACCOUNTS_KEPT = 100_000;

/** The account of a device; times are milliseconds since 1970 on the Redis clock. */
export interface DeviceAccount {
  readonly fleet: string;
  readonly device: string;
  readonly state: 'enabled' | 'disabled';
  readonly createdAt: number;
  readonly changedAt: number;
}

/** An account as it is stored, JSON. A revoked one has no hash. */
interface AccountRecord {
  readonly fleet: string;
  readonly state: DeviceAccount['state'] | 'revoked';
  readonly hash?: string;
  readonly createdAt: number;
  readonly changedAt: number;
}

/** The password of a device. The store has only its hash. */
export interface DevicePassword {
  readonly device: string;
  readonly password: string;
}

/** Accounts that exist already or were revoked have these names. */
export class NamesTaken extends Error {
  override readonly name = 'NamesTaken';
  constructor(readonly devices: readonly string[]) {
    super(`these devices have or had an account: ${devices.join(', ')}`);
  }
}

/** The installation has `MAX_ACCOUNTS` accounts, or `MAX_ACCOUNTS_KEPT` with revoked ones. */
export class TooManyAccounts extends Error {
  override readonly name = 'TooManyAccounts';
}

const KEYS = [ACCOUNTS_KEY, ACCOUNT_NAMES_KEY];
const REVISION = '*';

/**
 * Creates accounts for up to a few hundred devices with distinct names, all or none.
 * @throws NamesTaken, TooManyAccounts
 */
export async function enrolDevices(
  redis: Redis,
  fleet: string,
  devices: readonly string[],
): Promise<DevicePassword[]> {
  const passwords = devices.map((device) => ({ device, password: newPassword() }));
  const request = {
    fleet,
    limit: MAX_ACCOUNTS,
    kept: MAX_ACCOUNTS_KEPT,
    devices: passwords.map(({ device, password }) => ({ device, hash: passwordHash(password) })),
  };
  const [refusal, ...names] = (await callFunction(redis, 'enrolDevices-2', KEYS, [
    JSON.stringify(request),
  ])) as ['' | 'taken' | 'full', ...string[]];
  if (refusal === 'taken') throw new NamesTaken(names);
  if (refusal === 'full') throw new TooManyAccounts(`there are ${MAX_ACCOUNTS} device accounts already`);
  return passwords;
}

/** Enables or disables an account; undefined if the fleet has no such account. */
export function setAccountState(
  redis: Redis,
  fleet: string,
  device: string,
  state: DeviceAccount['state'],
): Promise<DeviceAccount | undefined> {
  return changeAccount(redis, { fleet, device, state });
}

/** Replaces the password of an account; undefined if the fleet has no such account. */
export async function renewPassword(
  redis: Redis,
  fleet: string,
  device: string,
): Promise<DevicePassword | undefined> {
  const password = newPassword();
  const changed = await changeAccount(redis, { fleet, device, hash: passwordHash(password) });
  return changed && { device, password };
}

/** Revokes an account permanently: no other device gets its name. False if the fleet has no such account. */
export async function revokeAccount(redis: Redis, fleet: string, device: string): Promise<boolean> {
  const request = JSON.stringify({ fleet, device, state: 'revoked' } satisfies AccountChange);
  return (await callFunction(redis, 'changeAccount-2', KEYS, [request])) !== '';
}

/** An account; undefined if the fleet has no such account, or only a revoked one. */
export async function readAccount(
  redis: Redis,
  fleet: string,
  device: string,
): Promise<DeviceAccount | undefined> {
  const account = parseAccount(device, await redis.hget(ACCOUNTS_KEY, device));
  return account?.fleet === fleet ? account : undefined;
}

/** Lists the accounts of a fleet by name. @param after only names after this one (the cursor) */
export async function listAccounts(
  redis: Redis,
  fleet: string,
  { limit, after }: { limit: number; after?: string },
): Promise<{ accounts: DeviceAccount[]; next?: string }> {
  const from = after === undefined ? `[${fleet}/` : `(${fleet}/${after}`;
  const found = await redis.zrangebylex(ACCOUNT_NAMES_KEY, from, `(${fleet}0`, 'LIMIT', 0, limit + 1);
  const names = found.slice(0, limit).map((name) => name.slice(fleet.length + 1));
  const records = names.length === 0 ? [] : await redis.hmget(ACCOUNTS_KEY, ...names);
  const accounts = names.flatMap((device, i) => parseAccount(device, records[i]) ?? []);
  return found.length > limit ? { accounts, next: names.at(-1)! } : { accounts };
}

/** Changes with every change of an account; null before the first. */
export function readAccountsRevision(redis: Redis): Promise<string | null> {
  return redis.hget(ACCOUNTS_KEY, REVISION);
}

/** What the broker needs to know about an account. */
export interface BrokerAccount {
  readonly fleet: string;
  /** The hash of its password. */
  readonly hash: string;
}

/** The enabled accounts, by device. Walks them in steps, so that Redis serves others meanwhile. */
export async function readBrokerAccounts(redis: Redis): Promise<Map<string, BrokerAccount>> {
  const accounts = new Map<string, BrokerAccount>();
  let cursor = '0';
  do {
    const [next, entries] = await redis.hscan(ACCOUNTS_KEY, cursor, 'COUNT', 1000);
    for (let i = 0; i < entries.length; i += 2) {
      if (entries[i] === REVISION) continue;
      const { fleet, state, hash } = JSON.parse(entries[i + 1]!) as AccountRecord;
      if (state === 'enabled' && hash !== undefined) accounts.set(entries[i]!, { fleet, hash });
    }
    cursor = next;
  } while (cursor !== '0');
  return accounts;
}

interface AccountChange {
  readonly fleet: string;
  readonly device: string;
  readonly state?: AccountRecord['state'];
  readonly hash?: string;
}

/** Returns the account after the change; undefined if the fleet has no such account. */
async function changeAccount(redis: Redis, change: AccountChange): Promise<DeviceAccount | undefined> {
  const record = await callFunction(redis, 'changeAccount-2', KEYS, [JSON.stringify(change)]);
  return parseAccount(change.device, record as string);
}

function parseAccount(device: string, text: string | null | undefined): DeviceAccount | undefined {
  if (text === null || text === undefined || text === '') return undefined;
  const { fleet, state, createdAt, changedAt } = JSON.parse(text) as AccountRecord;
  return state === 'revoked' ? undefined : { fleet, device, state, createdAt, changedAt };
}
