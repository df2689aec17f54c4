import type { FixedLoad, FlatOutLoad, TrialResult } from '../load/trial-plan.js';
import { untilCalm } from '../measure/calm.js';
import { percentile } from '../measure/statistics.js';
import { type Conditions, figuresOf, type Sample } from '../results/sample.js';
import type { Generator } from '../testbed/generator.js';
import { FLEET } from '../testbed/servers.js';
import type { Testbed } from '../testbed/testbed.js';
import type { Qos } from '../wire/packets.js';

/** What all trials of a run have in common. */
export interface Setting {
  readonly generator: Generator;
  readonly qos: Qos;
  readonly devices: number;
  readonly connections: number;
  /** Load before the measured time of each trial, seconds. */
  readonly warmUpSeconds: number;
  /** Waits until other processes are idle before each trial, and repeats disturbed trials. */
  readonly isPatient: boolean;
  /** The devices acknowledge commands. */
  readonly acknowledges?: boolean;
  /** No repetition starts later, by `performance.now()`. */
  readonly deadline: number;
  readonly log: (line: string) => void;
}

/** One trial of one service, checked against its counters and its Redis. */
export interface Measurement {
  readonly service: string;
  readonly trial: TrialResult;
  /** Loop latencies within the measured time, milliseconds. */
  readonly latencies: readonly number[];
  /** Readings sent and not stored. */
  readonly lost: number;
  /** Devices whose last state is not their last reading. */
  readonly stale: number;
}

export interface TrialLoad {
  readonly load: FixedLoad | FlatOutLoad;
  readonly crossingEvery: number;
  readonly measureFromMs: number;
  readonly measureToMs: number;
  readonly abortAboveMs?: number;
}

const DRAIN_MS = 3000;
/** A service with loops this slow does not keep up, milliseconds. */
const GIVE_UP_MS = 1500;
/** A trial is disturbed if other processes used more cores than this. */
const MAX_OTHER_CORES = 0.15;
const MAX_TRIES = 4;

/** Offers readings at a fixed rate for `seconds` after the warm-up. */
export function fixedLoad(setting: Setting, rate: number, seconds: number, crossingEvery: number): TrialLoad {
  const { warmUpSeconds } = setting;
  return {
    load: { stretches: [{ rate, seconds: warmUpSeconds + seconds }] },
    crossingEvery,
    measureFromMs: warmUpSeconds * 1000,
    measureToMs: (warmUpSeconds + seconds) * 1000,
    abortAboveMs: GIVE_UP_MS,
  };
}

/** Runs a trial; repeats it if other processes disturbed it and the setting allows that. */
export async function measure(testbed: Testbed, setting: Setting, load: TrialLoad): Promise<Measurement> {
  for (let tries = 1; ; tries += 1) {
    const measurement = await measureOnce(testbed, setting, load);
    const { otherCores } = measurement.trial;
    if (!setting.isPatient || otherCores <= MAX_OTHER_CORES || tries === MAX_TRIES) return measurement;
    setting.log(`repeating the trial: other processes used ${otherCores.toFixed(2)} cores`);
  }
}

async function measureOnce(
  { name: service, service: { counts, lastSeqs }, ...testbed }: Testbed,
  setting: Setting,
  load: TrialLoad,
): Promise<Measurement> {
  const { generator, qos, devices, connections, acknowledges = false, isPatient, log } = setting;
  await testbed.settle();
  if (isPatient) await untilCalm(log);
  const before = await counts();
  const trial = await generator.run({
    mqttUrl: testbed.fleetUrl,
    fleet: FLEET,
    devices,
    connections,
    qos,
    acknowledges,
    ...load,
    drainMs: DRAIN_MS,
    pids: testbed.pids,
  });
  await testbed.settle();
  const after = await counts();
  const states = await lastSeqs(FLEET, devices);
  const sent = trial.preludeReadings + trial.sent;
  return {
    service,
    trial,
    latencies: trial.loops
      .filter(({ dueAt }) => dueAt >= load.measureFromMs && dueAt < load.measureToMs)
      .map(({ latencyMs }) => latencyMs),
    lost: before === undefined || after === undefined ? 0 : sent - (after.stored - before.stored),
    stale: states?.filter((seq, device) => seq !== trial.lastSeq[device]).length ?? 0,
  };
}

/** A measurement as a sample, with the figures that all scenarios share. */
export function sampleOf(
  { service, trial, latencies, lost, stale }: Measurement,
  conditions: Omit<Conditions, 'service'>,
): Sample {
  const perMillion = (name: string) =>
    ((trial.cpuSeconds[name] ?? Number.NaN) / trial.measuredReadings) * 1e6;
  return {
    ...conditions,
    service,
    figures: figuresOf({
      perSecond: trial.measuredReadings / trial.measuredSeconds,
      p50Ms: percentile(latencies, 0.5),
      p99Ms: percentile(latencies, 0.99),
      serviceCpu: perMillion('service'),
      redisCpu: perMillion('redis'),
      brokerCpu: perMillion('broker'),
      generatorCpu: perMillion('generator'),
      rssMb: Math.max(...(trial.usage.service ?? []).map(({ rssBytes }) => rssBytes)) / 1e6,
      lost,
      stale,
      missing: trial.commandsMissing,
    }),
  };
}

/** A trial in one line, for the log. */
export function summaryOf({ service, scenario, qos, rate, crossingEvery, figures }: Sample): string {
  const text = (value: number | undefined, digits = 1) => value?.toFixed(digits) ?? '?';
  const load = rate === undefined ? '' : ` at ${rate}/s`;
  const problems = (['lost', 'stale', 'missing'] as const).filter((name) => (figures[name] ?? 0) > 0);
  return [
    `${scenario}${load}, QoS ${qos}, 1/${crossingEvery}, ${service}: ${text(figures.perSecond, 0)}/s`,
    `p50 ${text(figures.p50Ms)} p99 ${text(figures.p99Ms)} ms`,
    `CPU s per million: service ${text(figures.serviceCpu)}, Redis ${text(figures.redisCpu)}, broker ${text(figures.brokerCpu)}, generator ${text(figures.generatorCpu)}`,
    ...problems.map((name) => `${figures[name]} ${name}`),
  ].join('; ');
}
