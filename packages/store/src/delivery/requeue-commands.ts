import type { Redis } from 'ioredis';
import { shardOfCommand } from '../commands/command-id.js';
import { commandKeys, deviceKey, shardOf } from '../keys.js';
import { callFunctions } from '../redis/functions.js';
import type { Lease } from './lease.js';

/**
 * Requeues claimed commands, unless another dispatch has replaced this one. `waitMs` is the minimum time until the next attempt; older
 * commands wait longer (see requeueCommand-7.lua).
 * @returns the shards with a command that is due immediately: its device has published a birth in the meantime, or the next claim ends it
 *   because a newer command has overtaken it or its policy is `now`
 */
export async function requeueCommands(
  redis: Redis,
  leases: readonly (Lease & { waitMs: number; cause: string })[],
): Promise<Set<number>> {
  const replies = await callFunctions(
    redis,
    'requeueCommand-7',
    leases.map(({ id, device, attempt, claimedAt, waitMs, cause }) => {
      const [fleet, name] = device.split('/') as [string, string];
      const shard = shardOf(fleet, name);
      return {
        keys: [deviceKey(shard, fleet, name), ...commandKeys(shard)],
        args: [id, `${claimedAt},${attempt}`, waitMs, cause],
      };
    }),
  );
  return new Set(leases.filter((_, i) => replies[i] === 2).map(({ id }) => shardOfCommand(id) ?? 0));
}
