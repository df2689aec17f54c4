import type { CommandState } from '@lamplighter/contracts/commands/command';
import type { Redis } from 'ioredis';
import { commandKeys } from '../keys.js';
import { callFunction } from '../redis/functions.js';
import { shardOfCommand } from './command-id.js';
import { keysToEndCommand } from './ending-keys.js';
import { readBody } from './read-commands.js';

/**
 * Cancels a pending command. If an attempt was never acknowledged it ends as `unknown`.
 * @returns its state now, and whether this call ended it; if not, that state forbids it
 */
export async function cancelCommand(
  redis: Redis,
  id: string,
  cause = 'api',
): Promise<{ state: CommandState | 'missing'; isOurs: boolean }> {
  const shard = shardOfCommand(id);
  const value = shard === undefined ? null : await redis.hget(commandKeys(shard)[0]!, id);
  if (value === null) return { state: 'missing', isOurs: false };
  const { fleet, device } = readBody(id, value);
  const [state, isOurs] = (await callFunction(redis, 'cancelCommand-9', keysToEndCommand(fleet, device), [
    id,
    cause,
  ])) as [CommandState | 'missing', 0 | 1];
  return { state, isOurs: isOurs === 1 };
}
