import type { Qos } from '../wire/packets.js';
import type { Loop } from './crossings.js';
import type { Stretch } from './schedule.js';

/** One measurement: what load to put on which broker, and what to watch meanwhile. Plain data, sent to the generator. */
export interface TrialPlan {
  /** `mqtt://fleet:password@host:port`. */
  readonly mqttUrl: string;
  readonly fleet: string;
  readonly devices: number;
  /** Publishing connections that the devices share. */
  readonly connections: number;
  /** QoS of the readings, and of the subscription to the commands. */
  readonly qos: Qos;
  /** Every so many readings of a device one crosses the threshold: 20 is 5 %. */
  readonly crossingEvery: number;
  readonly stretches: readonly Stretch[];
  /** CPU is counted between these times, milliseconds since the start. */
  readonly measureFromMs: number;
  readonly measureToMs: number;
  /** Longest wait for the commands of the last readings, milliseconds. */
  readonly drainMs: number;
  /** Ends the trial when loops take longer than this, milliseconds: it has failed, and a backlog would disturb the next. */
  readonly abortAboveMs?: number;
  /** Processes to watch, by name. */
  readonly pids: Readonly<Record<string, number>>;
}

/** Memory and CPU of one process at one time of a trial. */
export interface UsageSample {
  readonly atMs: number;
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/** What happened. Times are milliseconds since the start of the trial. */
export interface TrialResult {
  /** Readings sent before the trial, to bring every device to a known state. */
  readonly preludeReadings: number;
  /** Readings that were due; fewer than planned only if the trial was aborted. */
  readonly due: number;
  readonly sent: number;
  /** Readings dropped in the generator because the broker did not take them. */
  readonly unsent: number;
  /** PUBACKs from the broker (QoS 1). */
  readonly acknowledged: number;
  readonly aborted: boolean;
  /** Commands that the readings ask for; of these, those that did not come; and those that nothing asked for. */
  readonly commandsExpected: number;
  readonly commandsMissing: number;
  readonly commandsUnexpected: number;
  readonly loops: readonly Loop[];
  /** How late the generator itself was, milliseconds: 99th percentile over its rounds. */
  readonly latenessP99Ms: number;
  /** Readings due within the measured time. */
  readonly measuredReadings: number;
  /** CPU seconds per process within the measured time. */
  readonly cpuSeconds: Readonly<Record<string, number>>;
  /** Cores that other processes, or the host of a virtual machine, kept from us within the measured time. */
  readonly otherCores: number;
  readonly usage: Readonly<Record<string, readonly UsageSample[]>>;
  /** `_seq` of the last reading sent, by device. */
  readonly lastSeq: readonly number[];
}

/** What the generator answers to a plan. */
export type TrialAnswer = { readonly result: TrialResult } | { readonly error: string };
