/** A reading on its way into the store. */
export interface NewReading {
  /** The device's own count of readings taken. */
  readonly n: number | undefined;
  readonly seq: number | undefined;
  readonly at: number | undefined;
  readonly json: string;
}

/**
 * How a reading enters the window. `live`: it is newer than the last state and becomes it; anything else is history: `late` came after a
 * newer one, `retained` was kept by the broker for its subscribers, so that its age is unknown, and `replayed` is part of a replay, but
 * not its newest reading.
 */
export const KINDS = { live: '0', late: '1', retained: '2', replayed: '3', lateOfReplay: '4' } as const;

/** How a reading arrived, apart from its order. */
export interface Arrival {
  readonly isRetained: boolean;
  /** Of a replay, and not its newest. */
  readonly isReplayed: boolean;
}

/** The digit for a reading in `kinds`. */
export function kindOf(isLive: boolean, { isRetained, isReplayed }: Arrival): string {
  if (isRetained) return KINDS.retained;
  if (isLive) return isReplayed ? KINDS.replayed : KINDS.live;
  return isReplayed ? KINDS.lateOfReplay : KINDS.late;
}

/** Whether the store says that a reading is live: a digit of `StoredDeviceState.kinds`. */
export function isLiveKind(kind: string): boolean {
  return kind === KINDS.live || kind === KINDS.replayed;
}

/** The end of a device's window as the caller believes it to be: its own last part, and the device's own numbers there. */
export interface WindowTail {
  readonly part: number;
  readonly n: number | undefined;
  readonly seq: number | undefined;
  readonly at: number | undefined;
}

/** The window's end after a part; undefined where the part does not tell. */
export function tailAfter(part: number, live: readonly NewReading[]): WindowTail | undefined {
  const newest = live.at(-1);
  return newest && { part, n: newest.n, seq: newest.seq, at: newest.at };
}

/**
 * The part that these readings come right after, if that is all the store needs to know of what was before. It needs more where the
 * device's count or sequence begins again, where its time went back, and where a reading without a sequence may be a duplicate.
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

/** The order of a device's last state: what a reading must be newer than to be the next. */
export interface Mark {
  readonly seq: number | undefined;
  readonly at: number | undefined;
}

/**
 * Why a reading with a lower `_seq` or an earlier `_at` is newer than the last state: the last state's clock was ahead, a new session began,
 * or the counter was restarted.
 */
export const RESTART_REASONS = ['clock', 'session', 'counter'] as const;

export type RestartReason = (typeof RESTART_REASONS)[number];

/**
 * Whether a reading seems to come after the mark, as far as their numbers alone can say. The script decides (order.lua), and says so
 * where it finds otherwise.
 */
export function isNewer(reading: Mark, mark: Mark): boolean {
  const { seq, at } = reading;
  if (seq !== undefined && mark.seq !== undefined)
    return seq > mark.seq || (at !== undefined && mark.at !== undefined && at > mark.at);
  if (at !== undefined && mark.at !== undefined) return at >= mark.at;
  return true;
}
