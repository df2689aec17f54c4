/** A canary that needs longer than this is overdue: until one comes through, nothing can be said to be silent. Milliseconds. */
const OVERDUE_MS = 2000;
/** One that has not come through by then, although one that was sent later has, was taken away. Milliseconds. */
const LOST_MS = 15_000;
/** Of the last so many whose end is known, … */
const OUTCOMES_KEPT = 24;
/** … fewer than this may be lost: a replica that is killed takes one or two along. */
const MAX_LOST = 3;
/** Under way at most; older ones are forgotten. */
const MAX_IN_FLIGHT = 64;

/** How many canaries have come through or were lost since the last look. */
export interface CanaryCounts {
  readonly arrived: number;
  readonly lost: number;
}

/**
 * The canaries of one replica. Each has a number, by which it is found again in Redis, whichever replica stored it. Life of one: sent,
 * then withdrawn (the broker did not take it, which says nothing about the way behind it), arrived, or lost. Time is monotonic,
 * milliseconds.
 */
export class CanaryTracker {
  /** Number → when it was sent, in the order of sending. */
  private readonly inFlight = new Map<number, number>();
  /** Whether each of the last ones was lost. */
  private readonly outcomes: boolean[] = [];
  private heardAt: number;

  /** @param next number of the first one: not one that an earlier run has used a moment ago */
  constructor(
    private next: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.heardAt = now();
  }

  /** Gives the number of a new one. */
  send(): number {
    const [oldest] = this.inFlight.keys();
    if (oldest !== undefined && this.inFlight.size >= MAX_IN_FLIGHT) this.inFlight.delete(oldest);
    this.inFlight.set(this.next, this.now());
    return this.next++;
  }

  /** The broker did not take it. */
  withdraw(number: number): void {
    this.inFlight.delete(number);
  }

  /** Takes the numbers that are in Redis. */
  update(stored: ReadonlySet<number>): CanaryCounts {
    const before = this.inFlight.size;
    for (const [number, sentAt] of this.inFlight) {
      if (!stored.has(number)) continue;
      this.heardAt = Math.max(this.heardAt, sentAt);
      this.end(number, false);
    }
    const arrived = before - this.inFlight.size;
    for (const [number, sentAt] of this.inFlight)
      if (sentAt < this.heardAt && this.now() - sentAt > LOST_MS) this.end(number, true);
    return { arrived, lost: before - arrived - this.inFlight.size };
  }

  get hasInFlight(): boolean {
    return this.inFlight.size > 0;
  }

  /** When the newest one that came through was sent, or when this began: until then everything could be heard. */
  get heardUntil(): number {
    return this.heardAt;
  }

  /** Whether one should have come through by now, and neither it nor a later one has. */
  get isOverdue(): boolean {
    const now = this.now();
    for (const sentAt of this.inFlight.values())
      if (sentAt >= this.heardAt && now - sentAt > OVERDUE_MS) return true;
    return false;
  }

  /** So many of the last ones that others can be seen to take them; undefined if not. */
  get missing(): { readonly lost: number; readonly of: number } | undefined {
    const lost = this.outcomes.filter((isLost) => isLost).length;
    return lost < MAX_LOST ? undefined : { lost, of: this.outcomes.length };
  }

  private end(number: number, isLost: boolean): void {
    this.inFlight.delete(number);
    this.outcomes.push(isLost);
    if (this.outcomes.length > OUTCOMES_KEPT) this.outcomes.shift();
  }
}
