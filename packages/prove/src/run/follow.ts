import { setTimeout as wait } from 'node:timers/promises';
import type { Watcher } from '../evidence/watcher.js';
import type { Commander } from './commander.js';
import type { Outboxes } from './outboxes.js';

/** Does something again and again until it is over; it settles then. The first time after the first pause. */
export async function every(ms: number, over: AbortSignal, act: () => unknown): Promise<void> {
  while (await wait(ms, true, { signal: over }).catch(() => false)) await act();
}

/** Looks at the API; a look that fails, because something is broken, is made up for by the next. */
export async function look(watchers: readonly Watcher[]): Promise<void> {
  for (const watcher of watchers) await watcher.look().catch(() => undefined);
}

/** How it goes, in one line. */
export function progress(outboxes: readonly Outboxes[], { counts, waiting }: Commander): string {
  for (const outbox of outboxes) outbox.follow();
  const sum = (of: (outbox: Outboxes) => number) => outboxes.reduce((total, outbox) => total + of(outbox), 0);
  return [
    `readings taken ${sum((outbox) => outbox.counts.taken)}, in outboxes ${sum(({ size }) => size)}`,
    `commands accepted ${counts.accepted}, refused ${counts.refused}, waiting for an answer ${waiting}, executed ${sum((outbox) => outbox.counts.executed)}`,
    ...(counts.skipped > 0 ? [`not asked because too many waited ${counts.skipped}`] : []),
  ].join('; ');
}
