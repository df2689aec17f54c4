import { type Backoff, backoffMs } from '@lamplighter/contracts/backoff';
import { Redis } from 'ioredis';
import { SHARD_COUNT_KEY, SHARDS } from '../keys.js';
import { loadScripts } from './script.js';

export type { Redis };

/** How a connection tells about its own life, once per change of state, and how long it waits for a reply. */
export interface ConnectionSettings {
  onUp?: () => void;
  onDown?: (reason: string) => void;
  commandTimeoutMs?: number;
}

/** A reply that takes longer than this counts as a failed Redis, unless the caller says otherwise, milliseconds. */
const COMMAND_TIMEOUT_MS = 5000;
/**
 * A connection on which nothing comes for this long although answers are due is given up, milliseconds: a router may have forgotten it
 * without a word, and a new one works.
 */
const SILENCE_MS = 10_000;

const RETRY: Backoff = { firstMs: 50, maxMs: 2000 };

/**
 * Opens a connection and keeps it open, with jittered back-off. Nothing queues while Redis is away: a call fails within
 * milliseconds, and the caller decides what to do with its work. Calls cut off by a lost connection fail too; every write
 * of the store may be repeated.
 */
export function connectRedis(url: string, name: string, settings: ConnectionSettings = {}): Redis {
  const redis = new Redis(url, {
    connectionName: name,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0, // a lost connection fails what waits for its answer, instead of leaving it to the timeout
    commandTimeout: settings.commandTimeoutMs ?? COMMAND_TIMEOUT_MS,
    connectTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: SILENCE_MS,
    retryStrategy: (attempt) => backoffMs(attempt, RETRY),
  });
  let up: boolean | undefined;
  const down = (reason: string) => {
    if (up === false) return;
    up = false;
    settings.onDown?.(reason);
  };
  redis.on('ready', () => {
    loadScripts(redis).then(
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

/** What the metric `store_durability_ok` tells, in every service. */
export const STORE_DURABILITY_HELP =
  '1 while Redis answers, has every write on disk before it answers it, and evicts nothing';

/**
 * What keeps this Redis from holding commands safely, in words; empty when nothing does.
 * Append-only file on, synced before each answer, its last write good, no eviction, and the same number of shards as this code.
 * A Redis that does not tell its settings (`CONFIG GET` is not allowed) may do anything.
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
    problems.push('Redis keeps no append-only file: set "appendonly yes"');
  else if (settings === undefined)
    problems.push('Redis does not tell whether it syncs every write to disk: allow "CONFIG GET"');
  else problems.push(...syncProblems(settings));
  if (field(info, 'aof_last_write_status') === 'err')
    problems.push('Redis cannot write its append-only file: is the disk full?');
  const policy = field(memory, 'maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    problems.push(`Redis may evict keys: set "maxmemory-policy noeviction" instead of "${policy}"`);
  }
  if (shards !== null && shards !== String(SHARDS)) {
    problems.push(`this Redis was filled with ${shards} shards, this version uses ${SHARDS}`);
  }
  return problems;
}

/** How Redis syncs its append-only file; undefined if we may not ask. */
async function readSyncSettings(redis: Redis): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const pairs = (await redis.config('GET', 'appendfsync', 'no-appendfsync-on-rewrite')) as string[];
    return new Map(pairs.flatMap((name, i) => (i % 2 === 0 ? [[name, pairs[i + 1]!]] : [])));
  } catch (error) {
    // A managed Redis keeps its settings to itself.
    if (error instanceof Error && /^(NOPERM|ERR unknown)/.test(error.message)) return undefined;
    throw error;
  }
}

function syncProblems(settings: ReadonlyMap<string, string>): string[] {
  const problems: string[] = [];
  const sync = settings.get('appendfsync');
  if (sync !== 'always')
    problems.push(`Redis answers before a write is on disk: set "appendfsync always" instead of "${sync}"`);
  if (settings.get('no-appendfsync-on-rewrite') === 'yes')
    problems.push('Redis does not sync while it rewrites its file: set "no-appendfsync-on-rewrite no"');
  return problems;
}

/** Server time of Redis, milliseconds: the only clock of ages, leases and expiries. */
export async function redisNow(redis: Redis): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}
