import { setTimeout as wait } from 'node:timers/promises';
import type { Restartable } from '@lamplighter/test-kit/servers/restartable';
import type { Stage } from '../stage/stage.js';
import type { Saboteur } from './saboteur.js';

const LOOK_MS = 500;

/** Every process of a stage, by a name for people. */
export function processesOf({ broker, redis, replicas, api, fleets }: Stage): [name: string, Restartable][] {
  return [
    ['broker', broker],
    ['redis', redis],
    ...replicas.map((replica, i): [string, Restartable] => [`rules-${i + 1}`, replica]),
    ['api', api],
    ...fleets.map(({ process }, i): [string, Restartable] => [`devices-${i + 1}`, process]),
  ];
}

/**
 * Starts again whatever ended without being told to, as a supervisor does.
 * @returns what ended, in words; it grows until it is over
 */
export function supervise(
  stage: Stage,
  saboteur: Saboteur,
  over: AbortSignal,
  say: (line: string) => void,
): readonly string[] {
  const ended: string[] = [];
  const look = async () => {
    while (await wait(LOOK_MS, true, { signal: over }).catch(() => false)) {
      for (const [name, process] of processesOf(stage)) {
        if (process.running || saboteur.isBroken(process)) continue;
        ended.push(`${name} ended by itself`);
        say(`${name} ended by itself; starting it again`);
        await process.start().catch((error: Error) => say(`${name}: ${error.message}`));
      }
    }
  };
  void look();
  return ended;
}
