import type { Qos } from '../wire/packets.js';
import type { Loop } from './crossings.js';
import type { Stretch } from './schedule.js';

/** Load at fixed rates, one stretch after another: readings are sent when they are due, whatever the service does. */
export interface FixedLoad {
  readonly stretches: readonly Stretch[];
}

/** As many readings as the service handles, with a bounded number of them in flight. */
export interface FlatOutLoad {
  readonly seconds: number;
  readonly inFlight: number;
}

/** One trial: the load, and the processes to measure. Plain data, sent to the generator. */
export interface TrialPlan {
  /** `mqtt://fleet:password@host:port`. */
  readonly mqttUrl: string;
  readonly fleet: string;
  readonly devices: number;
  /** Publishing connections that the devices share. */
  readonly connections: number;
  /** QoS of the readings, and of the subscription to the commands. */
  readonly qos: Qos;
  /** One reading in this many crosses the threshold, for each device. */
  readonly crossingEvery: number;
  readonly load: FixedLoad | FlatOutLoad;
  /** The devices publish births and acknowledge commands. A device that has done so must do so in all later trials. */
  readonly acknowledges?: boolean;
  /** The measured time, milliseconds since the start. */
  readonly measureFromMs: number;
  readonly measureToMs: number;
  /** Longest wait for the commands of the last readings, milliseconds. */
  readonly drainMs: number;
  /** Ends the trial when a loop takes longer than this, milliseconds: the backlog would disturb the next trial. */
  readonly abortAboveMs?: number;
  /** Processes to measure, by name. */
  readonly pids: Readonly<Record<string, number>>;
}

/** Memory and CPU of a process at one time of a trial. */
export interface UsageSample {
  readonly atMs: number;
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/** Times are milliseconds since the start of the trial. */
export interface TrialResult {
  /** Readings sent before the trial, to bring every device to a known state. */
  readonly preludeReadings: number;
  /** Readings that were due; fewer than planned only if the trial was aborted. */
  readonly due: number;
  readonly sent: number;
  /** Readings dropped in the generator because the broker was too far behind. */
  readonly unsent: number;
  /** PUBACKs from the broker (QoS 1). */
  readonly acknowledged: number;
  readonly aborted: boolean;
  /** Commands that the crossings require; those of them that did not arrive; commands without a crossing. */
  readonly commandsExpected: number;
  readonly commandsMissing: number;
  readonly commandsUnexpected: number;
  readonly loops: readonly Loop[];
  /** Delay of the generator itself, milliseconds: 99th percentile over its rounds. */
  readonly latenessP99Ms: number;
  /** Readings sent within the measured time, and its actual length in seconds. */
  readonly measuredReadings: number;
  readonly measuredSeconds: number;
  /** CPU seconds by process within the measured time. */
  readonly cpuSeconds: Readonly<Record<string, number>>;
  /** Cores used by other processes, or withheld by the host of a virtual machine, within the measured time. */
  readonly otherCores: number;
  readonly usage: Readonly<Record<string, readonly UsageSample[]>>;
  /** `_seq` of the last reading sent, by device. */
  readonly lastSeq: readonly number[];
}

/** The generator's reply to a plan. */
export type TrialReply = { readonly result: TrialResult } | { readonly error: string };
