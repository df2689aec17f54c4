import { inScope } from '@lamplighter/contracts/rules/device-scope';
import type { CompiledRule } from '../rule/compile-rule.js';
import { simulateDevice } from './simulate-device.js';
import { simulateGroup } from './simulate-group.js';
import type { RecordedReading, Simulation, SimulationOptions } from './simulation.js';

export type { RecordedReading, SimulatedCommand } from './simulation.js';

/**
 * Runs a rule on a recording, as if it had been in force from the first reading on and had known nothing before. Pure. The clock is that
 * of the recording: each reading is judged at its own time, in the order of these times, and timers in between.
 *
 * A recording does not react: what devices report of their actuators is what other commands had made of them. So nothing is
 * re-asserted here, and a lamp does not light its own sensor.
 * @param recording in any order
 */
export function* simulate(
  rule: CompiledRule,
  recording: readonly RecordedReading[],
  options: SimulationOptions,
): Simulation {
  if (!rule.enabled) return;
  const once = { ...rule, reassertMs: Number.POSITIVE_INFINITY };
  const isJudged = new Map<string, boolean>();
  for (const { device } of recording)
    if (!isJudged.has(device)) isJudged.set(device, inScope(rule.scope, device));
  const judged = recording.filter(({ device }) => isJudged.get(device)).sort(byTime);
  if (rule.quorum !== undefined) yield* simulateGroup(once, judged, options);
  else
    for (const [device, readings] of byDevice(judged)) yield* simulateDevice(once, device, readings, options);
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
