import { setTimeout as delay } from 'node:timers/promises';
import { busyCpuSeconds } from './process-usage.js';

const POLL_MS = 500;
/** With fewer busy cores than this the machine is calm. */
const CALM_CORES = 0.2;
const MAX_WAIT_MS = 120_000;

/** Waits until the machine is calm, for at most two minutes. */
export async function untilCalm(log: (line: string) => void): Promise<void> {
  const startedAt = performance.now();
  for (let waited = false; performance.now() - startedAt < MAX_WAIT_MS; waited = true) {
    const before = busyCpuSeconds();
    const from = performance.now();
    await delay(POLL_MS);
    const busyCores = ((busyCpuSeconds() - before) * 1000) / (performance.now() - from);
    if (busyCores <= CALM_CORES) return;
    if (!waited) log(`waiting: ${busyCores.toFixed(1)} cores are busy`);
  }
  log('the machine is still busy; measuring anyway');
}
