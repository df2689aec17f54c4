import type { Redis } from 'ioredis';
import { shardOfCommand } from '../commands/command-id.js';
import { commandKeys, deviceKey, shardOf } from '../keys.js';
import { runScripts } from '../redis/script.js';
import type { Lease } from './lease.js';

/**
 * Gives claimed commands back; a command that has moved on since is left alone. `waitMs` is the least time until the next try;
 * commands that have long been waiting wait longer (see requeueCommand-7.lua).
 * @returns the shards in which one is due at once: its device has announced itself meanwhile, or the next claim ends it, for a newer
 *   command has overtaken it or its policy is `now`
 */
export async function requeueCommands(
  redis: Redis,
  leases: readonly (Lease & { waitMs: number; cause: string })[],
): Promise<Set<number>> {
  const replies = await runScripts(
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
