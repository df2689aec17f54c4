import { Problem, retryAfter } from './problem.js';

/** Redis cannot be reached, or did not answer in time. */
export function storeAway(): Problem {
  return new Problem(
    'store-away',
    'Redis cannot be reached now. If this was a write it may still have been taken: repeat it with the same Idempotency-Key.',
    {},
    retryAfter(1),
  );
}
