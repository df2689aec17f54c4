import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import {
  FIRST_VERSION,
  NEW_DEVICE,
  UNKNOWN_VERSION,
  versionAfter,
} from '@lamplighter/store/rules/state-version';
import type { DevicePart } from '@lamplighter/store/telemetry/device-part';
import { isNewer, kindOf, partBefore, tailAfter } from '@lamplighter/store/telemetry/reading-order';
import type { GroupStates } from '../cache/group-states.js';
import type { KnownDevice } from '../cache/known-device.js';
import type { DecidedCommand } from './decided-command.js';
import { type EvaluationCounts, type PendingReading, RuleEvaluation } from './rule-evaluation.js';

export type { DecidedCommand as EmittedCommand } from './decided-command.js';
export type { EvaluationCounts, PendingReading } from './rule-evaluation.js';

/** A device's part of a batch, evaluated on the device cache of this replica. */
export interface EvaluatedPart extends DevicePart {
  readonly live: readonly PendingReading[];
  readonly device: KnownDevice;
  readonly readings: readonly PendingReading[];
  readonly commands: readonly DecidedCommand[];
  /** Quorums in which the device has voted. */
  readonly voted: readonly CompiledRule[];
}

const NONE: readonly never[] = [];

/**
 * Evaluates a device's readings of one batch and assumes that the store will accept them: the cached device is updated immediately, so
 * the next batch can be evaluated before this one is stored. On a conflict the stored state replaces the cached one, and the part is
 * evaluated again. Without readings this is the evaluation of a timer.
 * @param part the part's number, increasing per replica
 * @param now server time, milliseconds
 * @param listeningSince server time in ms; for a timer, silence before it does not count, because no replica was listening
 * @param groupStates states of the quorums that command the device
 */
export function evaluatePart(
  device: KnownDevice,
  readings: readonly PendingReading[],
  replica: string,
  part: number,
  now: number,
  counts: EvaluationCounts,
  listeningSince = 0,
  groupStates?: Pick<GroupStates, 'of'>,
): EvaluatedPart {
  const { address, version } = device;
  const byTimer = readings.length === 0;
  if (version === UNKNOWN_VERSION || ((device.depth > 0 || byTimer) && device.window === undefined)) {
    // The cache lacks something: write a version that always conflicts, so that the store returns its state.
    return {
      device,
      readings,
      address,
      part,
      version: UNKNOWN_VERSION,
      rules: '',
      live: readings.slice(0, 1),
      late: NONE,
      commands: NONE,
      voted: NONE,
    };
  }
  const comparedVersion = device.versionToCompare(device.depth > 0 || byTimer);
  const evaluation = new RuleEvaluation(device, now, counts, groupStates);
  const live: PendingReading[] = [];
  const late: PendingReading[] = [];
  let { mark } = device;
  let kinds = '';
  for (const reading of readings) {
    const isLive = !reading.isRetained && (reading.isLive ?? isNewer(reading, mark));
    kinds += kindOf(isLive, reading);
    if (!isLive) {
      late.push(reading);
      continue;
    }
    live.push(reading);
    mark = reading;
    evaluation.evaluateReading(reading);
  }
  if (byTimer) evaluation.evaluateTimer(listeningSince);
  evaluation.conclude();
  const after = partBefore(device.tail, live);
  device.tail = tailAfter(part, live);
  device.mark = { seq: mark.seq, at: mark.at };
  device.countLive(live.length);
  if (device.depth === 0) device.window = undefined; // read for a timer only
  const changed = evaluation.states !== device.states;
  if (changed) {
    device.states = device.pruneStates(evaluation.states, now);
    device.version = versionAfter(replica, part);
  } else if (version === NEW_DEVICE) {
    device.version = FIRST_VERSION;
  }
  return {
    device,
    readings,
    address,
    part,
    after,
    version: comparedVersion,
    rules: changed ? JSON.stringify(device.states) : '',
    live,
    late,
    kinds,
    commands: evaluation.commands(),
    votes: evaluation.votes,
    voted: evaluation.voted,
    timer: evaluation.timer(byTimer),
  };
}
