import type { Action } from '@lamplighter/contracts/command';
import type { Measurement } from '@lamplighter/contracts/reading';
import { type DeviceScope, inScope } from '@lamplighter/contracts/rule';
import type { CompiledRule } from './compile-rule.js';
import type { EmitReason } from './evaluate.js';
import type { Evidence } from './evidence.js';
import { simulateDevice } from './simulate-device.js';
import { simulateGroup } from './simulate-group.js';
import type { Trace } from './trace.js';

/** A reading of a recording. */
export interface RecordedReading {
  readonly device: string;
  /** Event time, milliseconds: the device's if it has a clock, otherwise that of receipt. */
  readonly at: number;
  readonly reading: Readonly<Record<string, Measurement | undefined>>;
}

/** A command that a rule would have emitted. */
export interface SimulatedCommand {
  /** Absent for a quorum, which commands all of `targets` at once. */
  readonly device?: string;
  readonly targets?: DeviceScope;
  /** On the clock of the recording, milliseconds. */
  readonly at: number;
  readonly action: Action;
  readonly reason: EmitReason | 'lost' | 'found';
}

/** One judgement, as it is made: whoever counts them bounds the work. */
export interface SimulatedJudgement {
  readonly command?: SimulatedCommand;
  /** What would be recorded with the command; to be asked before the next step. */
  evidence(): Evidence;
  /** What the clauses found, if that was asked for. */
  readonly trace?: Trace;
}

export interface SimulationOptions {
  readonly fleet: string;
  /** Until when timers are waited for, milliseconds; at least the time of the last reading. */
  readonly until: number;
  /** Devices that speak the lesson's protocol, in which every reading is answered. */
  readonly lessons?: ReadonlySet<string>;
  /** Whether each judgement tells what its clauses found. */
  readonly traced?: boolean;
}

/** A simulation takes as many steps as there are readings and timers, and may be left after each. */
export type Simulation = Generator<SimulatedJudgement, void, undefined>;

/**
 * Runs a rule on a recording, as if it had been in force from the first reading on and had known nothing before. Pure. The clock is that
 * of the recording: each reading is judged at its own time, in the order of these times, and timers in between.
 *
 * A recording does not react: what devices report of their actuators is what other commands had made of them. So nothing is
 * re-asserted here, and a lamp does not light its own sensor.
 * @param recording in any order
 */
export function* simulate(
  rule: CompiledRule,
  recording: readonly RecordedReading[],
  options: SimulationOptions,
): Simulation {
  if (!rule.enabled) return;
  const once = { ...rule, reassertMs: Number.POSITIVE_INFINITY };
  const isJudged = new Map<string, boolean>();
  for (const { device } of recording)
    if (!isJudged.has(device)) isJudged.set(device, inScope(rule.scope, device));
  const judged = recording.filter(({ device }) => isJudged.get(device)).sort(byTime);
  if (rule.quorum !== undefined) yield* simulateGroup(once, judged, options);
  else
    for (const [device, readings] of byDevice(judged)) yield* simulateDevice(once, device, readings, options);
}

function byTime(a: RecordedReading, b: RecordedReading): number {
  return a.at - b.at;
}

function byDevice(recording: readonly RecordedReading[]): Map<string, RecordedReading[]> {
  const devices = new Map<string, RecordedReading[]>();
  for (const reading of recording) {
    const readings = devices.get(reading.device);
    if (readings === undefined) devices.set(reading.device, [reading]);
    else readings.push(reading);
  }
  return devices;
}
