import { Problem, retryAfter } from './problem.js';

/** Redis cannot be reached, or did not reply in time. */
export function storeUnavailable(): Problem {
  return new Problem(
    'store-away',
    'Redis is unavailable. Try again later. A write may have been stored: repeat it with the same Idempotency-Key.',
    {},
    retryAfter(1),
  );
}
