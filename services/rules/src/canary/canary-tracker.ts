/** A canary is overdue after this; until one arrives, no device counts as silent. Milliseconds. */
const OVERDUE_MS = 2000;
/** A canary that has not arrived after this, although a later one has, is lost. Milliseconds. */
const LOST_MS = 15_000;
/** Number of outcomes that are kept. */
const OUTCOMES_KEPT = 24;
/** This many lost canaries are reported as a problem; a killed replica loses one or two. */
const MIN_LOST = 3;
/** Maximum number of canaries in flight; older ones are dropped. */
const MAX_IN_FLIGHT = 64;

/** How many canaries arrived or were lost since the last check. */
export interface CanaryCounts {
  readonly arrived: number;
  readonly lost: number;
}

/**
 * Tracks the canaries of one replica. Each has a number that identifies it in Redis, whichever replica stored it. A canary is sent, then
 * withdrawn (the broker did not accept it, which does not concern the rest of the path), arrived, or lost. Time is monotonic, milliseconds.
 */
export class CanaryTracker {
  /** The time of sending by number, in the order of sending. */
  private readonly inFlight = new Map<number, number>();
  /** The last outcomes: whether the canary was lost. */
  private readonly outcomes: boolean[] = [];
  /** When the latest canary that arrived was sent. */
  private latestArrival: number;

  /** @param next number of the first canary; must differ from recent ones of an earlier process */
  constructor(
    private next: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.latestArrival = now();
  }

  /** Adds a canary and returns its number. */
  send(): number {
    const [oldest] = this.inFlight.keys();
    if (oldest !== undefined && this.inFlight.size >= MAX_IN_FLIGHT) this.inFlight.delete(oldest);
    this.inFlight.set(this.next, this.now());
    return this.next++;
  }

  /** Removes a canary that the broker did not accept. */
  withdraw(number: number): void {
    this.inFlight.delete(number);
  }

  /** Compares the canaries in flight with the numbers in Redis. */
  update(stored: ReadonlySet<number>): CanaryCounts {
    const before = this.inFlight.size;
    for (const [number, sentAt] of this.inFlight) {
      if (!stored.has(number)) continue;
      this.latestArrival = Math.max(this.latestArrival, sentAt);
      this.end(number, false);
    }
    const arrived = before - this.inFlight.size;
    for (const [number, sentAt] of this.inFlight)
      if (sentAt < this.latestArrival && this.now() - sentAt > LOST_MS) this.end(number, true);
    return { arrived, lost: before - arrived - this.inFlight.size };
  }

  get hasInFlight(): boolean {
    return this.inFlight.size > 0;
  }

  /** The latest time at which telemetry is known to have arrived: when the latest canary that arrived was sent, or the start. */
  get receivedUntil(): number {
    return this.latestArrival;
  }

  /** Whether a canary is overdue and no later one has arrived. */
  get isOverdue(): boolean {
    const now = this.now();
    for (const sentAt of this.inFlight.values())
      if (sentAt >= this.latestArrival && now - sentAt > OVERDUE_MS) return true;
    return false;
  }

  /** The lost canaries among the last ones, if they indicate that messages are diverted. */
  get losses(): { readonly lost: number; readonly of: number } | undefined {
    const lost = this.outcomes.filter((isLost) => isLost).length;
    return lost < MIN_LOST ? undefined : { lost, of: this.outcomes.length };
  }

  private end(number: number, isLost: boolean): void {
    this.inFlight.delete(number);
    this.outcomes.push(isLost);
    if (this.outcomes.length > OUTCOMES_KEPT) this.outcomes.shift();
  }
}
