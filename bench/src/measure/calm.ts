import { setTimeout as delay } from 'node:timers/promises';
import { busyCpuSeconds } from './process-usage.js';

const LOOK_MS = 500;
/** Busy cores up to which the machine counts as calm. */
const CALM_CORES = 0.2;
const PATIENCE_MS = 120_000;

/** Waits until nothing else keeps the machine busy, two minutes at most; says so when it has to wait. */
export async function untilCalm(log: (line: string) => void): Promise<void> {
  const startedAt = performance.now();
  for (let waited = false; performance.now() - startedAt < PATIENCE_MS; waited = true) {
    const before = busyCpuSeconds();
    const from = performance.now();
    await delay(LOOK_MS);
    const busyCores = ((busyCpuSeconds() - before) * 1000) / (performance.now() - from);
    if (busyCores <= CALM_CORES) return;
    if (!waited) log(`(waiting: ${busyCores.toFixed(1)} cores are busy)`);
  }
  log('(the machine does not become calm; measuring all the same)');
}
