/** Readings wait for their answer this long before a command is dispatched again, milliseconds. */
export const LEASE_MS = 5000;

/** A dispatch, as whoever holds its lease names it: what is said of another one changes nothing. */
export interface Lease {
  readonly id: string;
  /** `<fleet>/<device>` */
  readonly device: string;
  readonly attempt: number;
  /** When it was claimed, or emitted: milliseconds since 1970. */
  readonly claimedAt: number;
}
