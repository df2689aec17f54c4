/** A dispatch without an acknowledgement is repeated after this time, milliseconds; it doubles with each attempt. */
export const LEASE_MS = 5000;

/** Identifies one dispatch of a command: reports on any other dispatch of it change nothing. */
export interface Lease {
  readonly id: string;
  /** `<fleet>/<device>` */
  readonly device: string;
  readonly attempt: number;
  /** When it was claimed, or emitted: milliseconds since 1970. */
  readonly claimedAt: number;
}
