import { readFileSync } from 'node:fs';

/** A line of a simulator's journal: an event of a device, written before the device continues. `t` is in milliseconds since 1970. */
export type DeviceEvent = { readonly t: number; readonly device: string } & (
  | { readonly event: 'taken'; readonly seq: number; readonly n: number }
  | { readonly event: 'sent'; readonly seqs: readonly number[] }
  | { readonly event: 'receipt'; readonly stored: readonly number[]; readonly refused?: readonly number[] }
  | { readonly event: 'dropped'; readonly seq: number; readonly reason: string }
  | { readonly event: 'online'; readonly session: number }
  | { readonly event: 'offline'; readonly cause: string }
  | ({ readonly event: 'command'; readonly attempt: number; readonly arrival: string } & CommandPlace)
  | ({ readonly event: 'executed'; readonly action: Readonly<Record<string, unknown>> } & CommandPlace)
  | { readonly event: 'answered'; readonly id: string; readonly status: string }
);

/** The lane of a command, its number in it, and the time after which it must not start. */
interface CommandPlace {
  readonly id: string;
  readonly lane: string;
  readonly seq: number;
  readonly expiresAt: number;
}

export type EventOf<Name extends DeviceEvent['event']> = Extract<DeviceEvent, { event: Name }>;

/** The events of one kind, in order. */
export function eventsOf<Name extends DeviceEvent['event']>(
  journal: readonly DeviceEvent[],
  name: Name,
): EventOf<Name>[] {
  return journal.filter((event): event is EventOf<Name> => event.event === name);
}

/**
 * Reads JSON lines. Leaves out an unterminated last line: its writer was killed while writing it.
 * @throws SyntaxError naming the file and the invalid line
 */
export function readLines<Line>(file: string): Line[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  lines.pop();
  return lines.flatMap((line, index) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as Line];
    } catch {
      throw new SyntaxError(`${file}:${index + 1} is not JSON: ${line.slice(0, 80)}`);
    }
  });
}
