import { setMaxListeners } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Logger, startLogger } from '@lamplighter/test-kit/logger';
import { every } from '../each.js';
import type { Options } from '../options.js';
import { buildStage, type Stage } from '../stage/stage.js';
import { Books } from './books.js';
import { Random } from './random.js';
import { Saboteur } from './saboteur.js';
import { processesOf, supervise } from './supervise.js';

/** How often the API is looked at, and the person is told how it goes, milliseconds. */
const EVERY_MS = 10_000;
const DAY_SECONDS = '60';

/** A run: what it is to be, where its journals go, and who is told. */
export interface Run {
  readonly options: Options;
  readonly folder: string;
  say(line: string): void;
  /** Aborts it; what is open then closes with the test kit. */
  readonly signal: AbortSignal;
}

/** Runs everything under faults until it has come to rest, and writes down in a folder what the oracle judges. */
export async function run({ options, folder, say, signal }: Run): Promise<void> {
  setMaxListeners(0, signal); // every part that waits listens to it
  say('starting broker, Redis, two rules replicas, the API and the simulated devices');
  const stage = await unless(signal, buildStage({ folder, replicas: 2 }));
  try {
    await unless(signal, addFleets(stage, options));
    const loggers = await unless(signal, addLoggers(stage));
    await underFaults(stage, { options, folder, say, signal });
    const heard = loggers.reduce((sum, logger) => sum + logger.heard, 0);
    say(`loggers that subscribe to all commands were sent ${heard} of them`);
  } finally {
    keepLogs(stage, folder);
  }
}

/** Two fleets, so that one works while the other is broken. */
async function addFleets(stage: Stage, { devices, intervalMs, seed }: Options): Promise<void> {
  const env = { INTERVAL_MS: String(intervalMs), SEED: String(seed), DAY_SECONDS };
  const half = Math.ceil(devices / 2);
  const sizes = devices > 1 ? [half, devices - half] : [1];
  await Promise.all(sizes.map((size, i) => stage.addFleet({ name: `prove-${i + 1}`, devices: size, env })));
}

/** Somebody reads along, so that the broker never says that nobody subscribes to a command. */
function addLoggers({ fleets }: Stage): Promise<Logger[]> {
  return Promise.all(fleets.map(({ fleet }) => startLogger(fleet.url, `${fleet.name}/commands/#`)));
}

async function underFaults(stage: Stage, { options, say, signal }: Run): Promise<void> {
  const { seed, devices, rate, minutes, quietSeconds } = options;
  const books = await Books.open(stage, signal);
  say(`${devices} devices are connected; now ${minutes} min of faults, seed ${seed}`);

  const over = new AbortController();
  const running = AbortSignal.any([signal, over.signal]);
  const saboteur = new Saboteur(stage, books, say);
  const strange = supervise(stage, saboteur, running, say);
  books.keepLooking(EVERY_MS);
  const telling = every(EVERY_MS, running, () => say(progress(books)));
  const stopAsking = books.keepAsking(rate, new Random(seed));
  try {
    await saboteur.work(new Random(seed + 1), minutes * 60_000, signal);
  } finally {
    stopAsking();
  }
  say(`no more faults; it has ${quietSeconds} s to come to rest`);
  const { about } = await books.close({ quietMs: quietSeconds * 1000, seed, strange });
  say(about.unsettled.length === 0 ? 'everything is at rest' : `not at rest: ${about.unsettled.join('; ')}`);
  over.abort();
  await telling;
}

/** How it goes, in one line. */
function progress(books: Books): string {
  const { counts, waiting } = books.commander;
  const { taken, inOutboxes, executed } = books.counts();
  return [
    `readings taken ${taken}, in outboxes ${inOutboxes}`,
    `commands accepted ${counts.accepted}, refused ${counts.refused}, waiting for an answer ${waiting}, executed ${executed}`,
    ...(counts.skipped > 0 ? [`not asked because too many waited ${counts.skipped}`] : []),
  ].join('; ');
}

/** The logs of all processes, beside the journals. */
function keepLogs(stage: Stage, folder: string): void {
  const logs = join(folder, 'logs');
  mkdirSync(logs, { recursive: true });
  for (const [name, process] of processesOf(stage))
    writeFileSync(join(logs, `${name}.log`), process.output());
}

/** Rejects as soon as it is aborted. */
function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
