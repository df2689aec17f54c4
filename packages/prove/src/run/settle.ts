import { setTimeout as wait } from 'node:timers/promises';
import type { Watcher } from '../evidence/watcher.js';
import type { Commander } from './commander.js';
import type { Outboxes } from './outboxes.js';

/** How often it is looked whether everything has settled, milliseconds. */
const LOOK_MS = 1000;

export interface Unsettled {
  readonly commander: Commander;
  readonly watchers: readonly Watcher[];
  readonly outboxes: readonly Outboxes[];
}

/**
 * The quiet time: waits until every request is answered, every command has ended, every outbox is empty and the ledger
 * explains everything.
 * @returns what had not settled when the time was over, in words; empty if everything has
 */
export async function settle(run: Unsettled, quietMs: number, signal: AbortSignal): Promise<string[]> {
  const deadline = performance.now() + quietMs;
  for (;;) {
    const left = await whatIsLeft(run).catch((error: Error) => [`the API does not answer: ${error.message}`]);
    if (left.length === 0 || performance.now() > deadline) return left;
    await wait(LOOK_MS, undefined, { signal });
  }
}

async function whatIsLeft({ commander, watchers, outboxes }: Unsettled): Promise<string[]> {
  const left: string[] = [];
  if (commander.waiting > 0) left.push(`${commander.waiting} requests are not answered`);
  for (const [index, outbox] of outboxes.entries()) {
    outbox.follow();
    if (outbox.size > 0)
      left.push(`${outbox.size} readings are in the outboxes of ${watchers[index]?.fleet}, or on their way`);
  }
  if (left.length > 0) return left;
  for (const watcher of watchers) {
    const { commands, readings } = await watcher.ledger();
    if (commands.open !== 0) left.push(`${commands.open} commands of ${watcher.fleet} are open`);
    if (readings.unexplained !== 0)
      left.push(`${readings.unexplained} readings of ${watcher.fleet} are unexplained in the ledger`);
  }
  return left;
}
