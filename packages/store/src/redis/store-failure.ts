import { FunctionsMissing } from './functions.js';

/**
 * Why a valid call to the store failed: Redis is `away` (unreachable, or not ready yet), or `refusing` writes (disk full, memory full).
 */
export type StoreFailure = 'away' | 'refusing';

/** Error codes of Redis that describe its own state, not the call. */
const REPLIES = new Map<string, StoreFailure>([
  ['LOADING', 'away'],
  ['BUSY', 'away'],
  ['CLUSTERDOWN', 'away'],
  ['TRYAGAIN', 'away'],
  ['MASTERDOWN', 'away'],
  ['MISCONF', 'refusing'],
  ['OOM', 'refusing'],
  ['READONLY', 'refusing'],
  ['NOREPLICAS', 'refusing'],
  ['NOAUTH', 'away'],
]);

/** Messages of ioredis errors for calls without a reply; they have no codes. */
const NO_REPLY = [/isn't writeable/, /^Connection is closed/, /timed out$/, /max retries per request/];
const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);

/** Classifies an error: a failure of Redis, or undefined for any other error, which is a bug. */
export function storeFailure(error: unknown): StoreFailure | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof FunctionsMissing) return 'refusing';
  if (error.name === 'ReplyError') return REPLIES.get(error.message.split(' ', 1)[0]!);
  if (NO_REPLY.some((message) => message.test(error.message))) return 'away';
  return NETWORK.has((error as NodeJS.ErrnoException).code ?? '') ? 'away' : undefined;
}
