/** Identifies one dispatch of a command: reports on any other dispatch of it change nothing. */
export interface Lease {
  readonly id: string;
  /** `<fleet>/<device>` */
  readonly device: string;
  readonly attempt: number;
  /** When it was claimed, or emitted: milliseconds since 1970. */
  readonly claimedAt: number;
}
