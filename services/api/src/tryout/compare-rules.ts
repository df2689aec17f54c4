import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type CommandDiff, diffCommands } from '@lamplighter/evaluation/simulation/diff-commands';
import {
  type RecordedReading,
  type SimulatedCommand,
  simulate,
} from '@lamplighter/evaluation/simulation/simulate';
import type { Recording } from './recording.js';
import type { Work } from './work.js';

/** What changes for one device, or, where a quorum commands, for all its targets at once. */
export interface TargetDiff extends CommandDiff {
  readonly device?: string;
  readonly targets?: NonNullable<SimulatedCommand['targets']>;
}

/** What would change if one rule stood in place of another. */
export interface RuleDiff {
  /** Commands that each of the two would have issued. */
  readonly present: number;
  readonly candidate: number;
  readonly targets: readonly TargetDiff[];
}

/**
 * Runs two rules on the same recording, and compares the commands that they would have issued.
 * @param present undefined if there is no rule yet
 * @param candidate undefined if there would be none any more
 */
export async function compareRules(
  fleet: string,
  present: CompiledRule | undefined,
  candidate: CompiledRule | undefined,
  { readings, until, lessons }: Recording,
  work: Work,
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
        if (work.judge()) await work.rest();
      }
  }
  const targets: TargetDiff[] = [];
  for (const [before, after] of byTarget.values()) {
    const { device, targets: group } = (before[0] ?? after[0])!;
    targets.push({
      ...(device !== undefined && { device }),
      ...(group !== undefined && { targets: group }),
      ...diffCommands(before, after),
    });
    if (work.isDue()) await work.rest();
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

/** Device by device, so that nothing is sorted, or filtered, at length without a rest. */
function byDevice(readings: readonly RecordedReading[]): Iterable<RecordedReading[]> {
  const devices = new Map<string, RecordedReading[]>();
  for (const reading of readings) {
    const known = devices.get(reading.device);
    if (known === undefined) devices.set(reading.device, [reading]);
    else known.push(reading);
  }
  return devices.values();
}
