import { listDevices } from '@lamplighter/store/devices';
import { COMMANDS_KEPT_PER_DEVICE } from '@lamplighter/store/keys';
import { listCommands } from '@lamplighter/store/read-commands';
import type { Redis } from 'ioredis';
import type { CheckedCommand } from './score.js';

const PAGE = 200;

/** All checked commands of a fleet, and the devices that the services call ineffective. */
export async function readChecks(
  redis: Redis,
  fleet: string,
): Promise<{ commands: CheckedCommand[]; suspects: Set<string> }> {
  const commands: CheckedCommand[] = [];
  for (const device of await namesOf(redis, fleet)) {
    const kept = await listCommands(redis, fleet, device, { limit: COMMANDS_KEPT_PER_DEVICE });
    for (const { effect, transitions } of kept) {
      const succeeded = transitions.find(({ state }) => state === 'succeeded');
      if (effect === undefined || succeeded === undefined) continue;
      commands.push({ device, succeededAt: succeeded.at, outcome: effect.outcome });
    }
  }
  return { commands, suspects: new Set(await namesOf(redis, fleet, 'ineffective')) };
}

async function namesOf(redis: Redis, fleet: string, effect?: 'ineffective'): Promise<string[]> {
  const names: string[] = [];
  for (let after: string | undefined = ''; after !== undefined; ) {
    const page = await listDevices(redis, fleet, { limit: PAGE, after, ...(effect && { effect }) });
    names.push(...page.devices.map(({ device }) => device));
    after = page.next;
  }
  return names;
}
