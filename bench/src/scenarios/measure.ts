import type { Bed } from '../bed/bed.js';
import { FLEET } from '../bed/bed.js';
import type { Generator } from '../bed/generator.js';
import type { Stretch } from '../load/schedule.js';
import type { TrialResult } from '../load/trial.js';
import { untilCalm } from '../measure/calm.js';
import { percentile } from '../measure/statistics.js';
import type { Qos } from '../wire/packets.js';

/** What every trial of one run of the bench has in common. */
export interface Setting {
  readonly generator: Generator;
  readonly qos: Qos;
  readonly devices: number;
  readonly connections: number;
  readonly crossingEvery: number;
  /** Load before the measured time of each trial, seconds. */
  readonly warmUpSeconds: number;
  readonly log: (line: string) => void;
}

/** One trial of one service, and the books of it. */
export interface Measurement {
  readonly service: string;
  /** Readings per second asked for. */
  readonly rate: number;
  readonly trial: TrialResult;
  /** Loop latencies of the measured time, milliseconds. */
  readonly latencies: readonly number[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Readings sent and not stored. */
  readonly lost: number;
  /** Devices whose last state is not their last reading. */
  readonly staleStates: number;
  /** CPU seconds per million readings, by process. */
  readonly cpuPerMillion: Readonly<Record<string, number>>;
}

/** Loops slower than this at the 99th percentile are not sustained, milliseconds. */
export const SUSTAINED_P99_MS = 100;
const DRAIN_MS = 3000;
/** Past this it is clear that the service does not keep up, milliseconds. */
const GIVE_UP_MS = 1500;

/** A trial during which others kept this many cores busy is void. */
const MAX_OTHER_CORES = 0.15;
const MAX_TRIES = 4;

/**
 * Offers one rate for some seconds and looks what became of every reading and every command. A trial that others on the
 * machine disturbed is repeated.
 */
export async function measure(
  bed: Bed,
  setting: Setting,
  load: { rate: number; seconds: number },
): Promise<Measurement> {
  for (let tries = 1; ; tries += 1) {
    const measurement = await measureOnce(bed, setting, load);
    const { otherCores } = measurement.trial;
    setting.log(describe(measurement));
    if (otherCores <= MAX_OTHER_CORES || tries === MAX_TRIES) return measurement;
    setting.log(`(others used ${otherCores.toFixed(2)} cores meanwhile: void, once more)`);
  }
}

async function measureOnce(
  bed: Bed,
  setting: Setting,
  load: { rate: number; seconds: number },
): Promise<Measurement> {
  const { warmUpSeconds } = setting;
  const measured = await observe(bed, setting, {
    stretches: [{ rate: load.rate, seconds: warmUpSeconds + load.seconds }],
    measureFromMs: warmUpSeconds * 1000,
    measureToMs: (warmUpSeconds + load.seconds) * 1000,
    abortAboveMs: GIVE_UP_MS,
  });
  return { ...measured, rate: load.rate };
}

/** Runs any load against a bed and keeps its books. */
export async function observe(
  bed: Bed,
  setting: Setting,
  load: {
    stretches: readonly Stretch[];
    measureFromMs: number;
    measureToMs: number;
    abortAboveMs?: number;
  },
): Promise<Measurement> {
  const { generator, qos, devices, connections, crossingEvery } = setting;
  await bed.settle();
  await untilCalm(setting.log);
  const before = await bed.service.counts();
  const trial = await generator.run({
    mqttUrl: bed.mqttUrl,
    fleet: FLEET,
    devices,
    connections,
    qos,
    crossingEvery,
    ...load,
    drainMs: DRAIN_MS,
    pids: bed.pids,
  });
  await bed.settle();
  const after = await bed.service.counts();
  const states = await bed.service.lastSeqs(FLEET, devices);
  const latencies = trial.loops
    .filter(({ dueAt }) => dueAt >= load.measureFromMs && dueAt < load.measureToMs)
    .map(({ latencyMs }) => latencyMs);
  const perMillion = ([name, seconds]: [string, number]) =>
    [name, (seconds / trial.measuredReadings) * 1e6] as const;
  return {
    service: bed.name,
    rate: load.stretches[0]?.rate ?? 0,
    trial,
    latencies,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    maxMs: percentile(latencies, 1),
    lost: trial.preludeReadings + trial.sent - (after.stored - before.stored),
    staleStates: states?.filter((seq, device) => seq !== trial.lastSeq[device]).length ?? 0,
    cpuPerMillion: Object.fromEntries(Object.entries(trial.cpuSeconds).map(perMillion)),
  };
}

/** Why the rate was not sustained; empty when it was. */
export function shortcomings({ trial, p99Ms, lost, staleStates }: Measurement): string[] {
  const found: string[] = [];
  if (trial.aborted) found.push('fell behind by more than 1.5 s');
  if (!(p99Ms < SUSTAINED_P99_MS)) found.push(`p99 ${p99Ms.toFixed(0)} ms`);
  if (lost > 0) found.push(`${lost} readings lost`);
  if (staleStates > 0) found.push(`${staleStates} last states stale`);
  if (trial.commandsMissing > 0) found.push(`${trial.commandsMissing} commands missing`);
  if (trial.unsent > 0) found.push(`${trial.unsent} readings not taken by the broker`);
  return found;
}

function describe(measurement: Measurement): string {
  const { service, rate, p50Ms, p99Ms, maxMs, trial } = measurement;
  const cpu = Object.entries(measurement.cpuPerMillion).map(([name, cost]) => `${name} ${cost.toFixed(1)}`);
  const found = shortcomings(measurement);
  return [
    `${service} ${rate}/s: p50 ${p50Ms.toFixed(1)} p99 ${p99Ms.toFixed(1)} max ${maxMs.toFixed(1)} ms`,
    `CPU s per million: ${cpu.join(', ')}`,
    `generator late by ${trial.latenessP99Ms.toFixed(1)} ms`,
    ...(trial.commandsUnexpected > 0 ? [`${trial.commandsUnexpected} commands unexpected`] : []),
    found.length === 0 ? 'sustained' : found.join(', '),
  ].join('; ');
}
