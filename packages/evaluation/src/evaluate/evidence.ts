import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import type { Evaluated } from '../context/evaluated.js';
import type { DeviceFacts, Observation } from '../context/evaluation-context.js';
import type { RuleState } from '../context/rule-state.js';
import { type Trace, windowName } from '../context/trace.js';
import { measured } from '../expression/scope.js';
import type { CompiledRule } from '../rule/compile-rule.js';
import type { WindowView } from '../window/functions.js';
import { evaluate } from './evaluate.js';
import { factsOf, type RecordedDevice, recordDevice } from './recorded-device.js';

/**
 * The inputs of a verdict, stored with the command that it led to (`because` in the command's JSON): with the rule of the same version,
 * `replay` reaches the same verdict through the same steps. Times are milliseconds on the server's clock.
 */
export interface Evidence {
  readonly version: number;
  /** The `since` of the rule. */
  readonly since?: number;
  readonly now: number;
  readonly trigger: Observation['trigger'];
  /** The rule's state before the evaluation. */
  readonly state?: RuleState;
  /** The measurements that the rule mentions, of the reading and of the previous one. */
  readonly reading: Readonly<Record<string, Measurement>>;
  readonly last?: Readonly<Record<string, Measurement>>;
  /** Results of windows by names such as `avg(light,10m)`, without undecided ones. */
  readonly windows?: Readonly<Record<string, number>>;
  /** Of a quorum. */
  readonly verdict?: boolean;
  readonly value?: number;
  readonly tally?: unknown;
  readonly ageMs: number;
  readonly heardAt: number;
  /** Of an absence that a timer evaluated. */
  readonly listeningSince?: number;
  readonly longestIntervalMs?: number;
  readonly device: RecordedDevice;
}

/**
 * Records the inputs of a verdict.
 * @param state of the rule before the verdict
 */
export function evidenceOf(
  rule: CompiledRule,
  state: RuleState | undefined,
  observation: Observation,
  device: DeviceFacts,
  now: number,
): Evidence {
  const { last, window, verdict, value, listeningSince, longestIntervalMs } = observation;
  return {
    version: rule.version,
    since: rule.since,
    now,
    trigger: observation.trigger,
    ...(state !== undefined && { state }),
    reading: mentioned(rule, observation.reading),
    ...(rule.usesLast && last !== undefined && { last: mentioned(rule, last) }),
    ...(rule.windows.length > 0 && window !== undefined && { windows: windowsOf(rule, window) }),
    ...(verdict !== undefined && { verdict }),
    ...(value !== undefined && { value }),
    ageMs: observation.ageMs,
    heardAt: observation.heardAt,
    ...(rule.absenceMs !== undefined && listeningSince !== undefined && { listeningSince }),
    ...(rule.absenceMs !== undefined && longestIntervalMs !== undefined && { longestIntervalMs }),
    device: recordDevice(device),
  };
}

/** Repeats an evaluation from its evidence. */
export function replay(rule: CompiledRule, evidence: Evidence): { evaluated: Evaluated; trace: Trace } {
  const { windows, state, device, now, ...recorded } = evidence;
  const observation = { ...recorded, window: windows && recordedWindow(windows) };
  const trace: Trace = [];
  return { evaluated: evaluate(rule, state, observation, factsOf(device), now, trace), trace };
}

function mentioned({ names }: CompiledRule, reading: Observation['reading']): Record<string, Measurement> {
  const values: Record<string, Measurement> = {};
  for (const name of names) {
    const value = measured(reading, name);
    if (value !== undefined) values[name] = value;
  }
  return values;
}

function windowsOf({ windows }: CompiledRule, view: WindowView): Record<string, number> {
  const results: Record<string, number> = {};
  for (const window of windows) {
    const result = view.compute(window);
    if (result !== undefined) results[windowName(window)] = result;
  }
  return results;
}

/** A window that returns recorded results. */
export function recordedWindow(results: Readonly<Record<string, number>>): WindowView {
  return { compute: (use) => results[windowName(use)] };
}
