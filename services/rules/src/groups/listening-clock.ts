/** A process that did not look for this long was stopped, or had no time: it may have missed whatever was said. Milliseconds. */
const HELD_UP_MS = 5000;

/**
 * Since when this replica has received messages without interruption. Only then does a missing reading mean that a sensor is silent: not
 * while the broker or Redis was unavailable, or this process was stopped. Time is monotonic, milliseconds.
 */
export class ListeningClock {
  private since: number;
  private checkedAt: number;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.since = this.checkedAt = now();
  }

  /** To be called at least every few seconds. */
  check(isInterrupted: boolean): void {
    const now = this.now();
    if (isInterrupted || now - this.checkedAt > HELD_UP_MS) this.since = now;
    this.checkedAt = now;
  }

  /** For how long it has listened. */
  get listeningMs(): number {
    return this.now() - this.since;
  }
}
