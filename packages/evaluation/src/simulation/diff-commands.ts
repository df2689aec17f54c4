import type { SimulatedCommand } from './simulation.js';

/** A command that another rule would have added, dropped, or emitted at another time. Times are milliseconds. */
export type CommandChange =
  | { readonly kind: 'added' | 'dropped'; readonly command: SimulatedCommand }
  | { readonly kind: 'moved'; readonly command: SimulatedCommand; readonly to: SimulatedCommand };

/** What changes for one device, or for the targets of a quorum. */
export interface CommandDiff {
  /** Commands that stay as they are. */
  readonly same: number;
  /** In the order of time. */
  readonly changes: readonly CommandChange[];
}

/** More pairs than this are not weighed against each other, but matched one by one in order. */
const MAX_WEIGHED = 40_000;

/**
 * Compares the commands that two rules would have sent to one device. Commands of the same action at the same time are the same; of
 * those that are left between two of these, the ones with the same action are matched in order, so that they move as little as possible.
 * @param present @param candidate in the order of time
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

/** Between two commands that stay: as many as possible have moved, the others come or go. */
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

/** To which of the many each of the few goes, in order, so that the sum of the ways is least. */
function placesOf(few: readonly SimulatedCommand[], many: readonly SimulatedCommand[]): number[] {
  const spare = many.length - few.length;
  if (spare === 0 || few.length * (spare + 1) > MAX_WEIGHED) return few.map((_, i) => i);
  // least[i][s]: the least sum for the first i of the few, if the i-th goes to one of the first i + s of the many.
  const least: number[][] = [new Array<number>(spare + 1).fill(0)];
  for (const [i, { at }] of few.entries()) {
    const row: number[] = [];
    for (let s = 0; s <= spare; s += 1) {
      const way = least[i]![s]! + Math.abs(many[i + s]!.at - at);
      row.push(s === 0 ? way : Math.min(row[s - 1]!, way));
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

/** An action as text, whatever the order of its keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
