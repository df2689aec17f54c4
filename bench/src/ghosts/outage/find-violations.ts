import type { LogEntry, ScriptedCommand } from './outage-log.js';

/**
 * What can go wrong with commands in an outage:
 * - `stale`: executed after its expiry, or although a newer one of its lane was issued before the device returned;
 * - `newestLost`: the newest command of a lane was never executed, although it could have been;
 * - `stepLost`: a step of an ordered sequence was never executed, although it could have been;
 * - `wrongState`: the final state of the lane differs from its newest command;
 * - `outOfOrder`: first executed after a later command of its lane;
 * - `twice`: each execution after the first.
 */
export const VIOLATION_KINDS = [
  'stale',
  'newestLost',
  'stepLost',
  'wrongState',
  'outOfOrder',
  'twice',
] as const;
export type ViolationKind = (typeof VIOLATION_KINDS)[number];

/** A ghost and its command. */
export interface Violation {
  readonly ghost: ViolationKind;
  readonly command: ScriptedCommand;
}

/** The log is inconsistent, so the benchmark itself is faulty. */
export class LogInconsistent extends Error {
  override readonly name = 'LogInconsistent';
}

/** A command and its executions. */
interface IssuedCommand {
  readonly command: ScriptedCommand;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly executedAt: number[];
}

/** The changes of a device's link, in order. */
type Link = readonly { readonly at: number; readonly up: boolean }[];

/**
 * Finds ghosts in a log, from issued and executed commands only.
 * @throws LogInconsistent
 */
export function findViolations(log: readonly LogEntry[]): Violation[] {
  const fates = new Map<number, IssuedCommand>();
  const links = new Map<number, { at: number; up: boolean }[]>();
  for (const entry of log) {
    if (entry.event === 'issued') {
      const { command, at } = entry;
      const expiresAt = command.ttlMs === undefined ? Number.POSITIVE_INFINITY : at + command.ttlMs;
      fates.set(command.n, { command, issuedAt: at, expiresAt, executedAt: [] });
    } else if (entry.event === 'executed') {
      const fate = fates.get(entry.n);
      if (fate?.command.device !== entry.device)
        throw new LogInconsistent(`device ${entry.device} executed ${entry.n}, which was not issued to it`);
      fate.executedAt.push(entry.at);
    } else {
      listOf(links, entry.device).push({ at: entry.at, up: entry.event === 'online' });
    }
  }
  const lanes = new Map<string, IssuedCommand[]>();
  for (const fate of fates.values()) listOf(lanes, `${fate.command.device}/${fate.command.lane}`).push(fate);
  return [...lanes.values()].flatMap((lane) =>
    findLaneViolations(lane, links.get(lane[0]!.command.device) ?? []),
  );
}

/** Number of offences by ghost; for `wrongState`, the number of devices. */
export function countViolations(offences: readonly Violation[]): Record<ViolationKind, number> {
  const of = (ghost: ViolationKind) => offences.filter((offence) => offence.ghost === ghost);
  const count = Object.fromEntries(VIOLATION_KINDS.map((ghost) => [ghost, of(ghost).length])) as Record<
    ViolationKind,
    number
  >;
  return { ...count, wrongState: new Set(of('wrongState').map(({ command }) => command.device)).size };
}

/** Finds ghosts in one lane of one device. @param lane commands in the order of issue */
function findLaneViolations(lane: readonly IssuedCommand[], link: Link): Violation[] {
  const offences: Violation[] = [];
  const accuse = (ghost: ViolationKind, { command }: IssuedCommand) => offences.push({ ghost, command });
  const due = lane.filter((fate) => !expiredUnreached(fate, link));
  const newest = due.at(-1);
  for (const fate of due) {
    if (fate.executedAt.length > 0) continue;
    if (fate.command.kind === 'ordered') accuse('stepLost', fate);
    else if (fate === newest) accuse('newestLost', fate);
  }
  const executions = lane
    .flatMap((fate) => fate.executedAt.map((at, i) => ({ fate, at, first: i === 0 })))
    .sort((a, b) => a.at - b.at);
  let latest = 0;
  for (const { fate, at, first } of executions) {
    if (isStale(fate, at, lane, link)) accuse('stale', fate);
    if (!first) accuse('twice', fate);
    else if (fate.command.n < latest) accuse('outOfOrder', fate);
    latest = Math.max(latest, fate.command.n);
  }
  const last = executions.at(-1)?.fate;
  if (newest !== undefined && last?.command.value !== newest.command.value) accuse('wrongState', newest);
  return offences;
}

/** Whether it expired while its device was offline. */
function expiredUnreached({ issuedAt, expiresAt }: IssuedCommand, link: Link): boolean {
  if (link.findLast(({ at }) => at <= issuedAt)?.up) return false;
  const reached = link.find(({ at, up }) => up && at > issuedAt)?.at ?? Number.POSITIVE_INFINITY;
  return expiresAt <= reached;
}

function isStale(
  { command, expiresAt }: IssuedCommand,
  at: number,
  lane: readonly IssuedCommand[],
  link: Link,
): boolean {
  if (at >= expiresAt) return true;
  if (command.kind === 'ordered') return false;
  const onlineAt = link.findLast((change) => change.up && change.at <= at)?.at ?? Number.NEGATIVE_INFINITY;
  return lane.some((other) => other.command.n > command.n && other.issuedAt <= onlineAt);
}

function listOf<K, V>(map: Map<K, V[]>, key: K): V[] {
  const list = map.get(key) ?? [];
  map.set(key, list);
  return list;
}
