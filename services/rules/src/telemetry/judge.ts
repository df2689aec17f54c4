import type { Action } from '@lamplighter/contracts/command';
import { defaultLane } from '@lamplighter/contracts/command';
import type { Reading } from '@lamplighter/contracts/reading';
import { type CompiledRule, evaluate } from '@lamplighter/evaluation/evaluate';
import {
  type DevicePart,
  type EmittedCommand,
  FIRST_VERSION,
  isNewer,
  NEW_DEVICE,
  type StoredReading,
  UNKNOWN_VERSION,
  versionAfter,
} from '@lamplighter/store/accept-readings';
import { newCommandId } from '@lamplighter/store/command-id';
import { commandJson } from '@lamplighter/store/read-commands';
import type { KnownDevice } from './device-cache.js';

/** A reading on its way through one batch. */
export interface PendingReading extends StoredReading {
  readonly reading: Reading;
  /** False for all but the newest of a replay: history never actuates. */
  readonly mayActuate: boolean;
  /** Monotonic time of arrival, milliseconds. */
  readonly takenAt: number;
}

/** A command that a rule emitted, with what is needed to publish it. */
export interface JudgedCommand extends EmittedCommand {
  readonly rule: CompiledRule;
  readonly action: Action;
  readonly actionJson: string;
  readonly takenAt: number;
}

/** A device's part of a batch with its verdicts, on the grounds that this replica believes in. */
export interface JudgedPart extends DevicePart {
  readonly device: KnownDevice;
  readonly readings: readonly PendingReading[];
  readonly commands: readonly JudgedCommand[];
}

/** Counts of verdicts, for the metrics. */
export interface Verdicts {
  matched: number;
  unmatched: number;
  undecided: number;
}

const NOTHING: readonly never[] = [];

/**
 * Judges a device's readings of one batch and assumes that the store will agree: the device's beliefs move on at once, so that the
 * next batch can be judged before this one is stored. If the store disagrees, its grounds replace them and this is repeated.
 * @param part the part's number, growing per replica
 * @param now server time, milliseconds
 */
export function judge(
  device: KnownDevice,
  readings: readonly PendingReading[],
  replica: string,
  part: number,
  now: number,
  verdicts: Verdicts,
): JudgedPart {
  const { address, version } = device;
  if (version === UNKNOWN_VERSION) {
    // Nothing is known yet: ask the store, by a part that it is sure to send back with its grounds.
    return {
      device,
      readings,
      address,
      part,
      version,
      rules: '',
      live: readings.slice(0, 1),
      late: NOTHING,
      commands: NOTHING,
    };
  }
  const live: PendingReading[] = [];
  const late: PendingReading[] = [];
  let { mark, states } = device;
  const before = states;
  const emitted = new Map<CompiledRule, JudgedCommand>();
  const commands: JudgedCommand[] = [];
  for (const reading of readings) {
    if (!isNewer(reading, mark)) {
      late.push(reading);
      continue;
    }
    live.push(reading);
    mark = reading;
    if (!reading.mayActuate) continue;
    for (const rule of device.rules) {
      const { state, emit } = evaluate(rule, states[rule.id], reading.reading, device, now);
      if (state === undefined) verdicts.undecided += 1;
      else if (state.raised) verdicts.matched += 1;
      else verdicts.unmatched += 1;
      if (state !== undefined && state !== states[rule.id]) states = { ...states, [rule.id]: state };
      if (emit === undefined) continue;
      const command = commandOf(rule, emit, address.shard, reading.takenAt);
      if (rule.mode === 'every' || device.lesson) commands.push(command);
      else emitted.set(rule, command); // within one batch only a rule's last word counts
    }
  }
  for (const command of emitted.values()) commands.push(command);
  device.mark = { seq: mark.seq, at: mark.at };
  if (states !== before) {
    device.states = states;
    device.version = versionAfter(replica, part);
  } else if (version === NEW_DEVICE) {
    device.version = FIRST_VERSION;
  }
  return {
    device,
    readings,
    address,
    part,
    version,
    rules: states === before ? '' : JSON.stringify(states),
    live,
    late,
    commands,
  };
}

function commandOf(rule: CompiledRule, action: Action, shard: number, takenAt: number): JudgedCommand {
  return {
    id: newCommandId(shard),
    lane: rule.lane ?? defaultLane(action),
    policy: rule.policy,
    ttl: rule.ttlMs,
    timeoutMs: rule.timeoutMs,
    attempts: rule.attempts,
    onFailure: rule.onFailure,
    json: commandJson({ source: 'rule', rule: rule.id }, action),
    cause: `rule:${rule.id}`,
    rule,
    action,
    actionJson: JSON.stringify(action),
    takenAt,
  };
}
