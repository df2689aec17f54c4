import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { Problem, retryAfter } from './problem.js';
import type { ProblemName } from './problem-types.js';

const KINDS: ReadonlySet<ProblemName> = new Set(['store-away', 'store-refuses-writes', 'store-not-durable']);

/** Whether a call to the store failed because of the state of Redis. Any other error is a bug. */
export function isStoreFailure(error: unknown): boolean {
  return storeFailure(error) !== undefined || (error instanceof Problem && KINDS.has(error.kind));
}

/** Redis cannot be reached, or did not reply in time. */
export function storeUnavailable(): Problem {
  return new Problem(
    'store-away',
    'Redis is unavailable. Try again later. A write may have been stored: repeat it with the same Idempotency-Key.',
    {},
    retryAfter(1),
  );
}
