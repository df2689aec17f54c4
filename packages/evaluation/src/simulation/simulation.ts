import type { Action } from '@lamplighter/contracts/commands/command';
import type { DeviceScope } from '@lamplighter/contracts/rules/device-scope';
import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import type { EmitReason } from '../context/evaluated.js';
import type { Trace } from '../context/trace.js';
import type { Evidence } from '../evaluate/evidence.js';

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

/** Called for each evaluation, so that the caller can bound the work. */
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
