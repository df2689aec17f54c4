import { setTimeout as wait } from 'node:timers/promises';
import type { Restartable } from '@lamplighter/test-kit/servers/restartable';
import type { BreakableStack } from '../stack/breakable-stack.js';
import type { FaultInjector } from './fault-injector.js';

const POLL_MS = 500;

/** Every process of a stack, with a display name. */
export function processesOf({
  broker,
  redis,
  replicas,
  api,
  fleets,
}: BreakableStack): [name: string, Restartable][] {
  return [
    ['broker', broker],
    ['redis', redis],
    ...replicas.map((replica, i): [string, Restartable] => [`rules-${i + 1}`, replica]),
    ['api', api],
    ...fleets.map(({ process }, i): [string, Restartable] => [`devices-${i + 1}`, process]),
  ];
}

/**
 * Restarts processes that end unexpectedly, as a supervisor does.
 * @returns what ended, in words; the list grows until the signal aborts
 */
export function supervise(
  stack: BreakableStack,
  faults: FaultInjector,
  over: AbortSignal,
  log: (line: string) => void,
): readonly string[] {
  const ended: string[] = [];
  const watch = async () => {
    while (await wait(POLL_MS, true, { signal: over }).catch(() => false)) {
      for (const [name, process] of processesOf(stack)) {
        if (process.running || faults.isBroken(process)) continue;
        ended.push(`${name} ended unexpectedly`);
        log(`${name} ended unexpectedly; restarting it`);
        await process.start().catch((error: Error) => log(`${name}: ${error.message}`));
      }
    }
  };
  void watch();
  return ended;
}
