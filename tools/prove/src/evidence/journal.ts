import { readFileSync } from 'node:fs';

/** One line of a simulator's journal: what a device did, written before anything else could happen. `t` in ms since 1970. */
export type DeviceEvent = { readonly t: number; readonly device: string } & (
  | { readonly event: 'taken'; readonly seq: number; readonly n: number }
  | { readonly event: 'sent'; readonly seqs: readonly number[] }
  | { readonly event: 'receipt'; readonly stored: readonly number[]; readonly refused?: readonly number[] }
  | { readonly event: 'dropped'; readonly seq: number; readonly reason: string }
  | { readonly event: 'online'; readonly session: number }
  | { readonly event: 'offline'; readonly cause: string }
  | ({ readonly event: 'command'; readonly attempt: number; readonly arrival: string } & Ordered)
  | ({ readonly event: 'executed'; readonly action: Readonly<Record<string, unknown>> } & Ordered)
  | { readonly event: 'answered'; readonly id: string; readonly status: string }
);

/** What places a command: its lane, its number there, and the time after which nobody may begin it. */
interface Ordered {
  readonly id: string;
  readonly lane: string;
  readonly seq: number;
  readonly expiresAt: number;
}

export type EventOf<Name extends DeviceEvent['event']> = Extract<DeviceEvent, { event: Name }>;

/** The events of one kind, in the order in which they happened. */
export function eventsOf<Name extends DeviceEvent['event']>(
  journal: readonly DeviceEvent[],
  name: Name,
): EventOf<Name>[] {
  return journal.filter((event): event is EventOf<Name> => event.event === name);
}

/**
 * Reads JSON lines. A last line without an end was being written when its writer was killed: it is left out.
 * @throws SyntaxError naming the file and the line that is none
 */
export function readLines<Line>(file: string): Line[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  lines.pop();
  return lines.flatMap((line, index) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as Line];
    } catch {
      throw new SyntaxError(`${file}:${index + 1} is no JSON: ${line.slice(0, 80)}`);
    }
  });
}
