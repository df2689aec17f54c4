/**
 * Why a call to the store failed although nothing was wrong with the call:
 * `away` Redis cannot be reached or does not answer (yet), `refusing` it answers but takes no writes (disk full, memory full).
 */
export type StoreFailure = 'away' | 'refusing';

/** First words of Redis's error replies that say something of its state, not of the call. */
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

/** Messages with which ioredis rejects a call that got no reply; it has no codes for them. */
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

/** Tells a failure of Redis from a mistake of ours, which is undefined. */
export function storeFailure(error: unknown): StoreFailure | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'ReplyError') return REPLIES.get(error.message.split(' ', 1)[0]!);
  if (NO_REPLY.some((message) => message.test(error.message))) return 'away';
  return NETWORK.has((error as NodeJS.ErrnoException).code ?? '') ? 'away' : undefined;
}
