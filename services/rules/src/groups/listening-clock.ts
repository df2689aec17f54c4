/** A longer time between checks means that this process was stopped or starved and may have missed messages. Milliseconds. */
const MAX_GAP_MS = 5000;

/**
 * Measures how long this replica has been able to receive telemetry without interruption. A missing reading means a silent device only
 * within that time: not while the broker or Redis was unavailable or this process was stopped. Time is monotonic, milliseconds.
 */
export class ListeningClock {
  private since: number;
  private checkedAt: number;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.since = this.checkedAt = now();
  }

  /** Must be called at least every few seconds. */
  check(isInterrupted: boolean): void {
    const now = this.now();
    if (isInterrupted || now - this.checkedAt > MAX_GAP_MS) this.since = now;
    this.checkedAt = now;
  }

  get listeningMs(): number {
    return this.now() - this.since;
  }
}
