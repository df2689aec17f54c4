import { isKnownFleet } from '@lamplighter/store/fleets/fleets';
import type { Redis } from '@lamplighter/store/redis/connect';
import { noSuchFleet } from '../problems/not-found.js';
import type { AllowUnknownQuery } from '../requests/address.js';

/**
 * Rejects a write to an unknown fleet, whose name may be misspelt.
 * @throws Problem `no-such-fleet`
 */
export async function expectFleet(
  redis: Redis,
  fleet: string,
  { allowUnknown }: AllowUnknownQuery,
): Promise<void> {
  if (allowUnknown !== 'true' && !(await isKnownFleet(redis, fleet)))
    throw noSuchFleet(fleet, { mayBeAllowed: true });
}
