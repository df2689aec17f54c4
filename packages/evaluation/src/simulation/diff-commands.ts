import type { SimulatedCommand } from './simulation.js';

/** A command that the candidate rule adds, drops, or emits at another time. Times are milliseconds. */
export type CommandChange =
  | { readonly kind: 'added' | 'dropped'; readonly command: SimulatedCommand }
  | { readonly kind: 'moved'; readonly command: SimulatedCommand; readonly to: SimulatedCommand };

/** The changes for one device, or for the targets of a quorum. */
export interface CommandDiff {
  /** Unchanged commands. */
  readonly same: number;
  /** In order of time. */
  readonly changes: readonly CommandChange[];
}

/** Above this number of pairs, commands are matched in order instead of optimally. */
const MAX_PAIRS = 40_000;

/**
 * Compares the commands of two rules for one device. Commands with the same action at the same time are unchanged. Between two unchanged
 * commands, the remaining ones with the same action are matched in order, so that the sum of their moves is smallest.
 * @param present in order of time
 * @param candidate in order of time
 */
export function diffCommands(
  present: readonly SimulatedCommand[],
  candidate: readonly SimulatedCommand[],
): CommandDiff {
  const before = byAction(present);
  const after = byAction(candidate);
  let same = 0;
  const changes: CommandChange[] = [];
  for (const action of new Set([...before.keys(), ...after.keys()])) {
    const diff = diffOfAction(before.get(action) ?? [], after.get(action) ?? []);
    same += diff.same;
    changes.push(...diff.changes);
  }
  return { same, changes: changes.sort((a, b) => a.command.at - b.command.at) };
}

function byAction(commands: readonly SimulatedCommand[]): Map<string, SimulatedCommand[]> {
  const actions = new Map<string, SimulatedCommand[]>();
  for (const command of commands) {
    const action = canonical(command.action);
    const known = actions.get(action);
    if (known === undefined) actions.set(action, [command]);
    else known.push(command);
  }
  return actions;
}

function diffOfAction(present: SimulatedCommand[], candidate: SimulatedCommand[]) {
  const changes: CommandChange[] = [];
  let same = 0;
  let [i, j] = [0, 0];
  let [fromI, fromJ] = [0, 0];
  const gap = () => changes.push(...matched(present.slice(fromI, i), candidate.slice(fromJ, j)));
  while (i < present.length && j < candidate.length) {
    const apart = present[i]!.at - candidate[j]!.at;
    if (apart === 0) {
      gap();
      same += 1;
      [fromI, fromJ] = [i + 1, j + 1];
    }
    if (apart <= 0) i += 1;
    if (apart >= 0) j += 1;
  }
  [i, j] = [present.length, candidate.length];
  gap();
  return { same, changes };
}

/** Matches the commands between two unchanged ones: as many as possible have moved, the others were added or dropped. */
function matched(present: readonly SimulatedCommand[], candidate: readonly SimulatedCommand[]) {
  const changes: CommandChange[] = [];
  const isMore = candidate.length > present.length;
  const [few, many] = isMore ? [present, candidate] : [candidate, present];
  const places = placesOf(few, many);
  for (const [i, command] of few.entries()) {
    const other = many[places[i]!]!;
    const [from, to] = isMore ? [command, other] : [other, command];
    changes.push({ kind: 'moved', command: from, to });
  }
  const taken = new Set(places);
  for (const [place, command] of many.entries())
    if (!taken.has(place)) changes.push({ kind: isMore ? 'added' : 'dropped', command });
  return changes;
}

/** For each of the few the index of its match among the many, in order, with the smallest sum of distances. */
function placesOf(few: readonly SimulatedCommand[], many: readonly SimulatedCommand[]): number[] {
  const spare = many.length - few.length;
  if (spare === 0 || few.length * (spare + 1) > MAX_PAIRS) return few.map((_, i) => i);
  // least[i][s]: the smallest sum for the first i of the few, if the i-th is matched with one of the first i + s of the many.
  const least: number[][] = [new Array<number>(spare + 1).fill(0)];
  for (const [i, { at }] of few.entries()) {
    const row: number[] = [];
    for (let s = 0; s <= spare; s += 1) {
      const sum = least[i]![s]! + Math.abs(many[i + s]!.at - at);
      row.push(s === 0 ? sum : Math.min(row[s - 1]!, sum));
    }
    least.push(row);
  }
  const places = new Array<number>(few.length);
  let s = spare;
  for (let i = few.length - 1; i >= 0; i -= 1) {
    while (s > 0 && least[i + 1]![s - 1]! === least[i + 1]![s]!) s -= 1;
    places[i] = i + s;
  }
  return places;
}

/** An action as text, independent of the order of its keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
