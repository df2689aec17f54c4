import { createHash } from 'node:crypto';

/** Account of redis/users → password. */
export type RedisAccounts = Readonly<Record<'admin' | 'rules' | 'api', string>>;

/** The URL of the Redis on this machine with the credentials of an account. */
export function redisUrl(port: number, account: keyof RedisAccounts, password: string): string {
  return `redis://${redisUser(account, password)}:${encodeURIComponent(password)}@127.0.0.1:${port}`;
}

/**
 * The user name of an account. That of a service changes with its password, so that both are valid during a change, and that the end of the
 * earlier one ends its connections.
 */
export function redisUser(account: string, password: string): string {
  return SERVICES.includes(account) ? `${account}-${hashOf(password).slice(0, 8)}` : account;
}

/** Accounts of services that keep connections open. */
const SERVICES = ['rules', 'api'];

/** As Redis stores a password: SHA-256, hexadecimal. */
export const hashOf = (password: string): string => createHash('sha256').update(password).digest('hex');
