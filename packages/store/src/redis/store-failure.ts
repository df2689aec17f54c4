import { FunctionsMissing } from './functions.js';

/**
 * Why a valid call to the store failed: Redis is `unavailable` (unreachable, or not ready yet), or `rejectingWrites` (disk full, memory full).
 */
export type StoreFailure = 'unavailable' | 'rejectingWrites';

/** Error codes of Redis that describe its own state, not the call. */
const REPLIES = new Map<string, StoreFailure>([
  ['LOADING', 'unavailable'],
  ['BUSY', 'unavailable'],
  ['CLUSTERDOWN', 'unavailable'],
  ['TRYAGAIN', 'unavailable'],
  ['MASTERDOWN', 'unavailable'],
  ['MISCONF', 'rejectingWrites'],
  ['OOM', 'rejectingWrites'],
  ['READONLY', 'rejectingWrites'],
  ['NOREPLICAS', 'rejectingWrites'],
  ['NOAUTH', 'unavailable'],
]);

/** Messages of ioredis errors for calls without a reply; they have no codes. */
const NO_REPLY = [
  /isn't writeable/,
  /^Connection is closed/,
  /aborted due to connection close/, // the rest of a pipeline after its first replies
  /timed out$/,
  /max retries per request/,
];
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
  if (error instanceof FunctionsMissing) return 'rejectingWrites';
  if (error.name === 'ReplyError') return REPLIES.get(error.message.split(' ', 1)[0]!);
  if (NO_REPLY.some((message) => message.test(error.message))) return 'unavailable';
  return NETWORK.has((error as NodeJS.ErrnoException).code ?? '') ? 'unavailable' : undefined;
}
