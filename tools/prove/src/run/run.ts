import { setMaxListeners } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CountingSubscriber, startCountingSubscriber } from '@lamplighter/test-kit/counting-subscriber';
import { repeatEvery } from '../concurrency.js';
import type { Options } from '../options.js';
import { type BreakableStack, startBreakableStack } from '../stack/breakable-stack.js';
import { EvidenceRecorder } from './evidence-recorder.js';
import { FaultInjector } from './fault-injector.js';
import { Random } from './random.js';
import { processesOf, supervise } from './supervise.js';

/** Interval of polling the API and printing progress, milliseconds. */
const EVERY_MS = 10_000;
const DAY_SECONDS = '60';

/** A run: its options, its folder and where progress is printed. */
export interface Run {
  readonly options: Options;
  readonly folder: string;
  log(line: string): void;
  /** Aborts the run; the test kit closes what is open. */
  readonly signal: AbortSignal;
}

/** Runs everything under faults until it has settled, and records the evidence in a folder. */
export async function run({ options, folder, log, signal }: Run): Promise<void> {
  setMaxListeners(0, signal); // each wait adds a listener
  log('starting broker, Redis, two rules replicas, the API and the simulated devices');
  const stack = await unlessAborted(signal, startBreakableStack({ folder, replicas: 2 }));
  try {
    await unlessAborted(signal, addFleets(stack, options));
    const subscribers = await unlessAborted(signal, addSubscribers(stack));
    await underFaults(stack, { options, folder, log, signal });
    const received = subscribers.reduce((sum, subscriber) => sum + subscriber.received, 0);
    log(`subscribers to all commands received ${received} messages`);
  } finally {
    saveLogs(stack, folder);
  }
}

/** Adds two fleets, so that one works while the other is under a fault. */
async function addFleets(stack: BreakableStack, { devices, intervalMs, seed }: Options): Promise<void> {
  const env = { INTERVAL_MS: String(intervalMs), SEED: String(seed), DAY_SECONDS };
  const half = Math.ceil(devices / 2);
  const sizes = devices > 1 ? [half, devices - half] : [1];
  await Promise.all(sizes.map((size, i) => stack.addFleet({ name: `prove-${i + 1}`, devices: size, env })));
}

/** Subscribes to all commands, so that the broker never reports a command without a subscriber. */
function addSubscribers({ fleets }: BreakableStack): Promise<CountingSubscriber[]> {
  return Promise.all(
    fleets.map(({ fleet }) => startCountingSubscriber(fleet.url, `${fleet.name}/commands/#`)),
  );
}

async function underFaults(stack: BreakableStack, { options, log, signal }: Run): Promise<void> {
  const { seed, devices, rate, minutes, quietSeconds } = options;
  const recorder = await EvidenceRecorder.start(stack, signal);
  log(`${devices} devices are connected; now ${minutes} min of faults, seed ${seed}`);

  const finished = new AbortController();
  const running = AbortSignal.any([signal, finished.signal]);
  const injector = new FaultInjector(stack, recorder, log);
  const incidents = supervise(stack, injector, running, log);
  recorder.pollApiEvery(EVERY_MS);
  const reporting = repeatEvery(EVERY_MS, running, () => log(progress(recorder)));
  const stopSending = recorder.sendCommandsAtRate(rate, new Random(seed));
  try {
    await injector.run(new Random(seed + 1), minutes * 60_000, signal);
  } finally {
    stopSending();
  }
  log(`faults are over; waiting up to ${quietSeconds} s for everything to settle`);
  const { about } = await recorder.finish({ quietMs: quietSeconds * 1000, seed, incidents });
  log(about.unsettled.length === 0 ? 'everything has settled' : `not settled: ${about.unsettled.join('; ')}`);
  finished.abort();
  await reporting;
}

/** Progress in one line. */
function progress(recorder: EvidenceRecorder): string {
  const { counts, waiting } = recorder.sender;
  const { taken, inOutboxes, executed } = recorder.counts();
  return [
    `readings taken ${taken}, in outboxes ${inOutboxes}`,
    `commands accepted ${counts.accepted}, rejected ${counts.rejected}, pending ${waiting}, executed ${executed}`,
    ...(counts.skipped > 0 ? [`skipped because too many were pending ${counts.skipped}`] : []),
  ].join('; ');
}

/** Writes the logs of all processes next to the journals. */
function saveLogs(stack: BreakableStack, folder: string): void {
  const logs = join(folder, 'logs');
  mkdirSync(logs, { recursive: true });
  for (const [name, process] of processesOf(stack))
    writeFileSync(join(logs, `${name}.log`), process.output());
}

/** Settles like `work`, but rejects as soon as the signal aborts. */
function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
