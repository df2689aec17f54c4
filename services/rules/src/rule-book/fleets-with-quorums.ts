import type { Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { mayHaveQuorum } from '@lamplighter/store/rules/rules';

/** Fleets that are read concurrently. */
const READ_AT_ONCE = 32;

/**
 * Finds the fleets that have a quorum, page by page, without compiling their rules.
 * @throws if Redis is unavailable
 */
export async function* fleetsWithQuorums(
  redis: Redis,
  fleets: readonly string[],
): AsyncGenerator<readonly string[]> {
  for (let first = 0; first < fleets.length; first += READ_AT_ONCE) {
    const some = fleets.slice(first, first + READ_AT_ONCE);
    const found = await Promise.all(some.map((fleet) => hasQuorum(redis, fleet)));
    yield some.filter((_, i) => found[i]);
  }
}

async function hasQuorum(redis: Redis, fleet: string): Promise<boolean> {
  try {
    return await mayHaveQuorum(redis, fleet);
  } catch (error) {
    if (storeFailure(error) !== undefined) throw error;
    return false; // the key holds something other than rules
  }
}
