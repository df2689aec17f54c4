import { inScope } from '@lamplighter/contracts/rules/device-scope';
import type { CompiledRule } from '../rule/compile-rule.js';
import { simulateDevice } from './simulate-device.js';
import { simulateGroup } from './simulate-group.js';
import type { RecordedReading, Simulation, SimulationOptions } from './simulation.js';

export type { RecordedReading, SimulatedCommand } from './simulation.js';

/**
 * Runs a rule on a recording, as if it had been in force from the first reading, without a prior state. Pure. The clock is that of the
 * recording: readings are evaluated at their own times, in order of time, and timers in between.
 *
 * A recording does not react to commands: the reported states of actuators are the results of other commands. Therefore nothing is
 * re-asserted, and a simulated lamp does not light its own sensor.
 * @param recording in any order
 */
export function* simulate(
  rule: CompiledRule,
  recording: readonly RecordedReading[],
  options: SimulationOptions,
): Simulation {
  if (!rule.enabled) return;
  const once = { ...rule, reassertMs: Number.POSITIVE_INFINITY };
  const isInScope = new Map<string, boolean>();
  for (const { device } of recording)
    if (!isInScope.has(device)) isInScope.set(device, inScope(rule.scope, device));
  const relevant = recording.filter(({ device }) => isInScope.get(device)).sort(byTime);
  if (rule.quorum !== undefined) yield* simulateGroup(once, relevant, options);
  else
    for (const [device, readings] of byDevice(relevant))
      yield* simulateDevice(once, device, readings, options);
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
