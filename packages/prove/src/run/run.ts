import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@lamplighter/test-kit/until';
import { Notebook } from '../evidence/notebook.js';
import { Watcher } from '../evidence/watcher.js';
import type { Options } from '../options.js';
import { buildStage, type Stage } from '../stage/stage.js';
import { Commander, drawOrder, silence } from './commander.js';
import { every, look, progress } from './follow.js';
import { Outboxes } from './outboxes.js';
import { Random } from './random.js';
import { Saboteur } from './saboteur.js';
import { settle } from './settle.js';
import { processesOf, supervise } from './supervise.js';
import { versions } from './versions.js';

/** How often the API is looked at, and the person is told how it goes, milliseconds. */
const EVERY_MS = 10_000;
const NAMES_MS = 60_000;
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
  say('starting broker, Redis, two rules replicas, the API and the simulated devices');
  const stage = await unless(signal, buildStage({ folder, replicas: 2 }));
  try {
    await unless(signal, addFleets(stage, options));
    await underFaults(stage, { options, folder, say, signal });
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

async function underFaults(stage: Stage, { options, folder, say, signal }: Run): Promise<void> {
  const { seed, devices, rate, minutes, quietSeconds } = options;
  const { client, fleets } = stage;
  const began = performance.now();
  const notebook = new Notebook(folder);
  const watchers = fleets.map(({ fleet }) => new Watcher(client, notebook, fleet.name));
  const outboxes = fleets.map(({ journalFile }) => new Outboxes(journalFile));
  const roster = await Promise.all(
    fleets.map(async ({ fleet, devices }, i) => ({
      name: fleet.name,
      devices: await namesOf(watchers[i]!, devices),
    })),
  );
  say(`${devices} devices are connected; now ${minutes} min of faults, seed ${seed}`);

  const over = new AbortController();
  const ended = AbortSignal.any([signal, over.signal]);
  const commander = new Commander(client, notebook, ended);
  const saboteur = new Saboteur(stage, notebook, say);
  const strange = supervise(stage, saboteur, ended, say);
  const looking = every(EVERY_MS, ended, () => look(watchers));
  const telling = every(EVERY_MS, ended, () => say(progress(outboxes, commander)));
  const random = new Random(seed);
  const orders = setInterval(() => commander.give(drawOrder(random, roster)), 1000 / rate);
  try {
    await saboteur.work(new Random(seed + 1), minutes * 60_000, signal);
  } finally {
    clearInterval(orders);
  }

  say(`no more faults; it has ${quietSeconds} s to come to rest`);
  silence(commander, roster);
  const unsettled = await settle({ commander, watchers, outboxes }, quietSeconds * 1000, signal);
  say(unsettled.length === 0 ? 'everything is at rest' : `not at rest: ${unsettled.join('; ')}`);
  over.abort();
  await Promise.all([looking, telling]);
  for (const watcher of watchers) await lastLook(watcher);
  notebook.about({
    seed,
    seconds: Math.round((performance.now() - began) / 1000),
    devices,
    unsettled: [...unsettled, ...strange],
    versions: versions(),
  });
}

function namesOf(watcher: Watcher, devices: number): Promise<string[]> {
  const complete = async () => {
    const names = await watcher.devices();
    return names.length === devices && names;
  };
  const what = `${devices} devices of ${watcher.fleet} in the API`;
  return until(complete, { what, timeoutMs: NAMES_MS, everyMs: 200 });
}

/** The devices' processes still run, but are silent. */
async function lastLook(watcher: Watcher): Promise<void> {
  const looked = () => watcher.look().then(() => true);
  await until(looked, { what: 'a last look at the API', timeoutMs: NAMES_MS, everyMs: 500 });
  await watcher.ledger();
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
