import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import {
  FIRST_VERSION,
  NEW_DEVICE,
  UNKNOWN_VERSION,
  versionAfter,
} from '@lamplighter/store/rules/state-version';
import type { DevicePart } from '@lamplighter/store/telemetry/device-part';
import { isNewer, kindOf, partBefore, tailAfter } from '@lamplighter/store/telemetry/reading-order';
import type { DecidedCommand } from './decided-command.js';
import type { GroupVerdicts } from './group-verdicts.js';
import type { KnownDevice } from './known-device.js';
import { type PendingReading, RuleEvaluation, type Verdicts } from './rule-evaluation.js';

export type { DecidedCommand as EmittedCommand } from './decided-command.js';
export type { PendingReading, Verdicts } from './rule-evaluation.js';

/** A device's part of a batch with its verdicts, on the grounds that this replica believes in. */
export interface EvaluatedPart extends DevicePart {
  readonly live: readonly PendingReading[];
  readonly device: KnownDevice;
  readonly readings: readonly PendingReading[];
  readonly commands: readonly DecidedCommand[];
  /** Quorums in which the device has voted. */
  readonly voted: readonly CompiledRule[];
}

const NOTHING: readonly never[] = [];

/**
 * Judges a device's readings of one batch and assumes that the store will agree: the device's beliefs move on at once, so that the
 * next batch can be judged before this one is stored. If the store disagrees, its grounds replace them and this is repeated.
 * Without readings it is a timer's verdict: the rules judge again what they know, now.
 * @param part the part's number, growing per replica
 * @param now server time, milliseconds
 * @param listeningSince server time in ms; silence before it does not count for a timer, because no replica was listening
 * @param groupVerdicts what quorums have decided, for their targets
 */
export function evaluatePart(
  device: KnownDevice,
  readings: readonly PendingReading[],
  replica: string,
  part: number,
  now: number,
  verdicts: Verdicts,
  listeningSince = 0,
  groupVerdicts?: Pick<GroupVerdicts, 'of'>,
): EvaluatedPart {
  const { address, version } = device;
  const byTimer = readings.length === 0;
  if (version === UNKNOWN_VERSION || ((device.depth > 0 || byTimer) && device.history === undefined)) {
    // Something is not known yet: ask the store, by a part that it is sure to send back with its grounds.
    return {
      device,
      readings,
      address,
      part,
      version: UNKNOWN_VERSION,
      rules: '',
      live: readings.slice(0, 1),
      late: NOTHING,
      commands: NOTHING,
      voted: NOTHING,
    };
  }
  const grounds = device.versionToCompare(device.depth > 0 || byTimer);
  const evaluation = new RuleEvaluation(device, now, verdicts, groupVerdicts);
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
  if (device.depth === 0) device.history = undefined; // only the timer needed it
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
    version: grounds,
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
