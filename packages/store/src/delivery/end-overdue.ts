import type { Redis } from 'ioredis';
import { keysToEndCommand } from '../commands/ending-keys.js';
import type { CommandBody } from '../commands/read-commands.js';
import { presenceKey, shardOf } from '../keys.js';
import { callFunctions } from '../redis/functions.js';

type OverdueEnd = 'expired' | 'superseded' | 'unknown';

/** Ends overdue commands; those that are no longer overdue, or have ended already, are left out. */
export async function endOverdue(redis: Redis, commands: readonly CommandBody[]) {
  const replies = (await callFunctions(
    redis,
    'endOverdue-10',
    commands.map(({ id, fleet, device }) => {
      const [own, ...others] = keysToEndCommand(fleet, device) as [string, ...string[]];
      const presence = presenceKey(shardOf(fleet, device), fleet);
      return { keys: [own, presence, ...others], args: [id, device] };
    }),
  )) as [outcome: OverdueEnd | 'moved_on', nextIsDue: number, ...aborted: string[]][];
  const ends = new Map<string, { outcome: OverdueEnd; aborted: string[] }>();
  for (const [i, [outcome, , ...aborted]] of replies.entries())
    if (outcome !== 'moved_on') ends.set(commands[i]!.id, { outcome, aborted });
  return ends;
}
