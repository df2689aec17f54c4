/** A process that did not look for this long was stopped, or had no time: it may have missed whatever was said. Milliseconds. */
const HELD_UP_MS = 5000;

/**
 * Since when this replica has listened without a break. A sensor that is not heard is silent only if somebody listens: while the
 * broker or Redis was away, or this process was stopped, nothing follows from silence. Time is monotonic, milliseconds.
 */
export class ListeningClock {
  private since: number;
  private checkedAt: number;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.since = this.checkedAt = now();
  }

  /** To be called at least every few seconds. */
  check(isDeaf: boolean): void {
    const now = this.now();
    if (isDeaf || now - this.checkedAt > HELD_UP_MS) this.since = now;
    this.checkedAt = now;
  }

  /** For how long it has listened. */
  get listeningMs(): number {
    return this.now() - this.since;
  }
}
