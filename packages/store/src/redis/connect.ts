import { type Backoff, backoffMs } from '@lamplighter/contracts/backoff';
import { Redis } from 'ioredis';
import { SHARD_COUNT_KEY, SHARDS } from '../keys.js';
import { followCredentials } from './follow-credentials.js';
import { loadFunctions } from './functions.js';

export type { Redis };

/** Callbacks for each change of a connection's state, and how long a call waits for its reply. */
export interface ConnectionSettings {
  onUp?: () => void;
  onDown?: (reason: string) => void;
  commandTimeoutMs?: number;
  /** For `rediss://`: the certificate authority that signed the certificate of Redis, PEM. Default: those of Node.js. */
  ca?: string | undefined;
  /** Reads the URL again, to notice a new user and password. */
  readUrl?: () => string | undefined;
}

/** Default time after which a call without a reply fails, milliseconds. */
const COMMAND_TIMEOUT_MS = 5000;
/**
 * A connection without data for this long while replies are due is closed, milliseconds: a router may have dropped it silently, and a
 * new connection works.
 */
const SILENCE_MS = 10_000;

const RETRY: Backoff = { firstMs: 50, maxMs: 2000 };

/**
 * Opens a connection and keeps it open, with jittered back-off. Calls do not queue while Redis is unavailable: they fail
 * within milliseconds, and the caller decides what to do. Calls in flight on a lost connection fail too; every write of the store can be
 * repeated.
 */
export function connectRedis(url: string, name: string, settings: ConnectionSettings = {}): Redis {
  const redis = new Redis(url, {
    connectionName: name,
    ...(settings.ca !== undefined && url.startsWith('rediss:') && { tls: { ca: settings.ca } }),
    disableClientInfo: true, // CLIENT SETINFO needs Redis 7.2
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // A lost connection would reject a promise that no one can await. Subscribers subscribe on each `ready`.
    autoResubscribe: false,
    maxRetriesPerRequest: 0, // calls in flight on a lost connection fail immediately, not at their timeout
    commandTimeout: settings.commandTimeoutMs ?? COMMAND_TIMEOUT_MS,
    connectTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: SILENCE_MS,
    retryStrategy: (attempt) => backoffMs(attempt, RETRY),
  });
  if (settings.readUrl !== undefined) followCredentials(redis, url, settings.readUrl);
  let up: boolean | undefined;
  const down = (reason: string) => {
    if (up === false) return;
    up = false;
    settings.onDown?.(reason);
  };
  redis.on('ready', () => {
    loadFunctions(redis).then(
      () => {
        up = true;
        settings.onUp?.();
      },
      (error: Error) => down(error.message),
    );
  });
  redis.on('error', (error: NodeJS.ErrnoException) => down(error.message || error.code || error.name));
  redis.on('close', () => down('connection closed'));
  return redis;
}

/** Help text of the metric `store_durability_ok`, in every service. */
export const STORE_DURABILITY_HELP =
  '1 while Redis responds, syncs every write (appendfsync always) and evicts nothing';

/**
 * Why this Redis does not store commands durably; empty if it does. It must have an append-only file that is synced before each reply, a
 * successful last write, no eviction, and the number of shards of this version. A forbidden `CONFIG GET` counts as a problem.
 */
export async function durabilityProblems(redis: Redis): Promise<string[]> {
  const [info, memory, shards, settings] = await Promise.all([
    redis.info('persistence'),
    redis.info('memory'),
    redis.set(SHARD_COUNT_KEY, SHARDS, 'NX', 'GET'),
    readSyncSettings(redis),
  ]);
  const problems: string[] = [];
  const field = (text: string, name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(text)?.[1];
  if (field(info, 'aof_enabled') !== '1')
    problems.push('Redis has no append-only file: set "appendonly yes"');
  else if (settings === undefined)
    problems.push('cannot check whether Redis syncs every write to disk: allow "CONFIG GET"');
  else problems.push(...syncProblems(settings));
  if (field(info, 'aof_last_write_status') === 'err')
    problems.push('Redis cannot write its append-only file: check whether the disk is full');
  const policy = field(memory, 'maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    problems.push(`Redis can evict keys: set "maxmemory-policy noeviction" instead of "${policy}"`);
  }
  if (shards !== null && shards !== String(SHARDS)) {
    problems.push(`the data in Redis has ${shards} shards, but this version uses ${SHARDS}`);
  }
  return problems;
}

/** How Redis syncs its append-only file; undefined if `CONFIG GET` is forbidden. */
async function readSyncSettings(redis: Redis): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const pairs = (await redis.config('GET', 'appendfsync', 'no-appendfsync-on-rewrite')) as string[];
    return new Map(pairs.flatMap((name, i) => (i % 2 === 0 ? [[name, pairs[i + 1]!]] : [])));
  } catch (error) {
    // Managed Redis services forbid it.
    if (error instanceof Error && /^(NOPERM|ERR unknown)/.test(error.message)) return undefined;
    throw error;
  }
}

function syncProblems(settings: ReadonlyMap<string, string>): string[] {
  const problems: string[] = [];
  const sync = settings.get('appendfsync');
  if (sync !== 'always')
    problems.push(`Redis replies before a write is on disk: set "appendfsync always" instead of "${sync}"`);
  if (settings.get('no-appendfsync-on-rewrite') === 'yes')
    problems.push('Redis does not sync during a rewrite of its file: set "no-appendfsync-on-rewrite no"');
  return problems;
}

/** Time of Redis, milliseconds: the only clock for ages, leases and expiries. */
export async function redisNow(redis: Redis): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}
