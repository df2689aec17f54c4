import { Problem, retryAfter } from './problem.js';

/** Redis cannot be reached, or did not answer in time. */
export function storeAway(): Problem {
  return new Problem(
    'store-away',
    'Redis is unavailable. Try again later; a write may have been accepted, so repeat it with the same Idempotency-Key.',
    {},
    retryAfter(1),
  );
}
