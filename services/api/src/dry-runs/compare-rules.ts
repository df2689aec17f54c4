import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type CommandDiff, diffCommands } from '@lamplighter/evaluation/simulation/diff-commands';
import {
  type RecordedReading,
  type SimulatedCommand,
  simulate,
} from '@lamplighter/evaluation/simulation/simulate';
import type { Recording } from './recording.js';
import type { RunBudget } from './run-budget.js';

/** The changes for one device or, for a quorum, for all its targets together. */
export interface TargetDiff extends CommandDiff {
  readonly device?: string;
  readonly targets?: NonNullable<SimulatedCommand['targets']>;
  /** The commands of the current rule, in order of time. */
  readonly present: readonly SimulatedCommand[];
}

/** What would change if one rule replaced another. */
export interface RuleDiff {
  /** Number of commands that each rule would have issued. */
  readonly present: number;
  readonly candidate: number;
  readonly targets: readonly TargetDiff[];
}

/**
 * Runs two rules on the same recording and compares the commands that they would have issued.
 * @param present undefined if the rule does not exist yet
 * @param candidate undefined if the rule would be deleted
 */
export async function compareRules(
  fleet: string,
  present: CompiledRule | undefined,
  candidate: CompiledRule | undefined,
  { readings, until, lessons }: Recording,
  budget: RunBudget,
): Promise<RuleDiff> {
  const byTarget = new Map<string, [present: SimulatedCommand[], candidate: SimulatedCommand[]]>();
  const counts: [number, number] = [0, 0];
  for (const [side, rule] of [present, candidate].entries()) {
    if (rule === undefined) continue;
    for (const part of rule.quorum === undefined ? byDevice(readings) : [readings])
      for (const { command } of simulate(rule, part, { fleet, until, lessons })) {
        if (command !== undefined) {
          counts[side]! += 1;
          sideOf(byTarget, command)[side]!.push(command);
        }
        if (budget.countEvaluation()) await budget.yield();
      }
  }
  const targets: TargetDiff[] = [];
  for (const [before, after] of byTarget.values()) {
    const { device, targets: group } = (before[0] ?? after[0])!;
    targets.push({
      ...(device !== undefined && { device }),
      ...(group !== undefined && { targets: group }),
      present: before,
      ...diffCommands(before, after),
    });
    if (budget.isDue()) await budget.yield();
  }
  return { present: counts[0], candidate: counts[1], targets };
}

function sideOf(byTarget: Map<string, [SimulatedCommand[], SimulatedCommand[]]>, command: SimulatedCommand) {
  const key = JSON.stringify(command.device ?? [command.targets]);
  const known = byTarget.get(key);
  if (known !== undefined) return known;
  const sides: [SimulatedCommand[], SimulatedCommand[]] = [[], []];
  byTarget.set(key, sides);
  return sides;
}

/** Grouped by device, so that no sort or filter runs long without yielding. */
function byDevice(readings: readonly RecordedReading[]): Iterable<RecordedReading[]> {
  const devices = new Map<string, RecordedReading[]>();
  for (const reading of readings) {
    const known = devices.get(reading.device);
    if (known === undefined) devices.set(reading.device, [reading]);
    else known.push(reading);
  }
  return devices.values();
}
