import type { Observation } from '../context/evaluation-context.js';
import type { RuleState } from '../context/rule-state.js';
import type { Trace } from '../context/trace.js';
import { evaluate } from '../evaluate/evaluate.js';
import { evidenceOf } from '../evaluate/evidence.js';
import type { CompiledRule } from '../rule/compile-rule.js';
import { ReadingWindow } from '../window/reading-window.js';
import type { RecordedReading, SimulatedEvaluation, Simulation, SimulationOptions } from './simulation.js';

/**
 * Runs a rule on the readings of one device.
 * @param readings in order of time
 */
export function* simulateDevice(
  rule: CompiledRule,
  name: string,
  readings: readonly RecordedReading[],
  { fleet, until, lessons, traced = false }: SimulationOptions,
): Simulation {
  const device = {
    address: { fleet, device: name },
    acknowledges: true,
    lesson: lessons?.has(name) ?? false,
  };
  const window = new ReadingWindow();
  let state: RuleState | undefined;
  let wakeAt: number | undefined;
  const step = (trigger: Observation['trigger'], now: number): SimulatedEvaluation => {
    const { at, reading } = window.newest!;
    const last = window.beforeNewest?.reading ?? {};
    const observation = { trigger, reading, ageMs: now - at, heardAt: at, last, window };
    const before = state;
    const trace: Trace | undefined = traced ? [] : undefined;
    const evaluated = evaluate(rule, before, observation, device, now, trace);
    ({ state, wakeAt } = evaluated);
    const { emit, reason } = evaluated;
    return {
      ...(emit !== undefined && { command: { device: name, at: now, action: emit, reason: reason! } }),
      evidence: () => evidenceOf(rule, before, observation, device, now),
      ...(trace !== undefined && { trace }),
    };
  };
  for (const { at, reading } of readings) {
    while (wakeAt !== undefined && wakeAt <= at) yield step('timer', wakeAt);
    window.push({ at, receivedAt: at, reading });
    yield step('reading', at);
  }
  while (wakeAt !== undefined && wakeAt <= until) yield step('timer', wakeAt);
}
