/** A reading to be stored. */
export interface NewReading {
  /** The device's own count of readings taken. */
  readonly n: number | undefined;
  readonly seq: number | undefined;
  readonly at: number | undefined;
  readonly json: string;
}

/**
 * How a reading enters the window. `live`: it is newer than the last state and becomes it. The others are history: `late` arrived after a
 * newer reading, `retained` is of a retained message (its age is unknown), `replayed` is part of a replay, but not its newest reading.
 */
export const KINDS = { live: '0', late: '1', retained: '2', replayed: '3', lateOfReplay: '4' } as const;

/** How a reading arrived, apart from its order. */
export interface ArrivalFlags {
  readonly isRetained: boolean;
  /** Part of a replay, but not its newest reading. */
  readonly isReplayed: boolean;
}

/** The digit for a reading in `kinds`. */
export function kindOf(isLive: boolean, { isRetained, isReplayed }: ArrivalFlags): string {
  if (isRetained) return KINDS.retained;
  if (isLive) return isReplayed ? KINDS.replayed : KINDS.live;
  return isReplayed ? KINDS.lateOfReplay : KINDS.late;
}

/** Whether a reading is live according to the store: a digit of `StoredDeviceState.kinds`. */
export function isLiveKind(kind: string): boolean {
  return kind === KINDS.live || kind === KINDS.replayed;
}

/** The end of a device's window according to the device cache: the caller's last part, and the device's numbers there. */
export interface WindowTail {
  readonly part: number;
  readonly n: number | undefined;
  readonly seq: number | undefined;
  readonly at: number | undefined;
}

/** The window's end after a part; undefined if the part has no live reading. */
export function tailAfter(part: number, live: readonly NewReading[]): WindowTail | undefined {
  const newest = live.at(-1);
  return newest && { part, n: newest.n, seq: newest.seq, at: newest.at };
}

/**
 * The part that these readings follow directly, if the store needs no further comparison. It does if the device's count or sequence
 * restarts, if its time goes backwards, and if a reading without a sequence can be a duplicate.
 */
export function partBefore(tail: WindowTail | undefined, [first]: readonly NewReading[]): number | undefined {
  if (first === undefined || tail === undefined) return undefined;
  const { n, seq, at } = first;
  if (n !== undefined && tail.n !== undefined && n <= tail.n) return undefined;
  if (seq !== undefined && tail.seq !== undefined && seq <= tail.seq) return undefined;
  if (at !== undefined && tail.at !== undefined && (at < tail.at || (at === tail.at && seq === undefined)))
    return undefined;
  return tail.part;
}

/** The order of a device's last state, which a live reading must exceed. */
export interface Mark {
  readonly seq: number | undefined;
  readonly at: number | undefined;
}

/**
 * Why a reading with a lower `_seq` or an earlier `_at` is newer than the last state: the clock was ahead at the last state, a new session
 * started, or the counter restarted.
 */
export const RESTART_REASONS = ['clock', 'session', 'counter'] as const;

export type RestartReason = (typeof RESTART_REASONS)[number];

/**
 * Whether a reading is newer than the mark, by the numbers alone. The function makes the final decision (order.lua), and returns a
 * conflict if it differs.
 */
export function isNewer(reading: Mark, mark: Mark): boolean {
  const { seq, at } = reading;
  if (seq !== undefined && mark.seq !== undefined)
    return seq > mark.seq || (at !== undefined && mark.at !== undefined && at > mark.at);
  if (at !== undefined && mark.at !== undefined) return at >= mark.at;
  return true;
}
