import type { Action } from '@lamplighter/contracts/commands/command';
import type { DeviceScope } from '@lamplighter/contracts/rules/device-scope';
import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import type { EmitReason } from '../context/evaluated.js';
import type { Trace } from '../context/trace.js';
import type { Evidence } from '../evaluate/evidence.js';

/** A recorded reading. */
export interface RecordedReading {
  readonly device: string;
  /** Event time, milliseconds: the device's if it has a clock, otherwise that of receipt. */
  readonly at: number;
  readonly reading: Readonly<Record<string, Measurement | undefined>>;
}

/** A command that a rule would have emitted. */
export interface SimulatedCommand {
  /** Absent for a quorum, which commands all `targets`. */
  readonly device?: string;
  readonly targets?: DeviceScope;
  /** On the clock of the recording, milliseconds. */
  readonly at: number;
  readonly action: Action;
  readonly reason: EmitReason | 'lost' | 'found';
}

/** One evaluation of a simulation, with its command if it emits one. */
export interface SimulatedEvaluation {
  readonly command?: SimulatedCommand;
  /** The evidence that would be stored with the command; valid until the next step. */
  evidence(): Evidence;
  /** The result of each clause, if `traced`. */
  readonly trace?: Trace;
}

export interface SimulationOptions {
  readonly fleet: string;
  /** When the simulation ends, milliseconds; at least the time of the last reading. */
  readonly until: number;
  /** Devices that use the lesson protocol, in which every reading gets a command. */
  readonly lessons?: ReadonlySet<string>;
  /** Whether to record the result of each clause. */
  readonly traced?: boolean;
}

/** Yields once per reading and timer, so that the caller can limit the work. */
export type Simulation = Generator<SimulatedEvaluation, void, undefined>;
