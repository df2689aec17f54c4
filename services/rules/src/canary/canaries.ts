/** A canary that needs longer than this is overdue: until one comes through, nothing can be said to be silent. Milliseconds. */
const OVERDUE_MS = 2000;
/** One that has not come through by then, although one that was sent later has, was taken away. Milliseconds. */
const LOST_MS = 15_000;
/** Of the last so many whose end is known, … */
const JUDGED = 24;
/** … fewer than this may be lost: a replica that is killed takes one or two along. */
const TOO_MANY = 3;
/** Under way at most; older ones are forgotten. */
const MOST_UNDER_WAY = 64;

/** How many canaries have come through or were lost since the last look. */
export interface Ends {
  readonly arrived: number;
  readonly lost: number;
}

/**
 * The canaries of one replica. Each has a number, by which it is found again in Redis, whichever replica stored it. Life of one: sent,
 * then withdrawn (the broker did not take it, which says nothing about the way behind it), arrived, or lost. Time is monotonic,
 * milliseconds.
 */
export class Canaries {
  /** Number → when it was sent, in the order of sending. */
  private readonly underWay = new Map<number, number>();
  /** Whether each of the last ones was lost. */
  private readonly ends: boolean[] = [];
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
    const [oldest] = this.underWay.keys();
    if (oldest !== undefined && this.underWay.size >= MOST_UNDER_WAY) this.underWay.delete(oldest);
    this.underWay.set(this.next, this.now());
    return this.next++;
  }

  /** The broker did not take it. */
  withdraw(number: number): void {
    this.underWay.delete(number);
  }

  /** Takes the numbers that are in Redis. */
  look(stored: ReadonlySet<number>): Ends {
    const before = this.underWay.size;
    for (const [number, sentAt] of this.underWay) {
      if (!stored.has(number)) continue;
      this.heardAt = Math.max(this.heardAt, sentAt);
      this.end(number, false);
    }
    const arrived = before - this.underWay.size;
    for (const [number, sentAt] of this.underWay)
      if (sentAt < this.heardAt && this.now() - sentAt > LOST_MS) this.end(number, true);
    return { arrived, lost: before - arrived - this.underWay.size };
  }

  get areUnderWay(): boolean {
    return this.underWay.size > 0;
  }

  /** When the newest one that came through was sent, or when this began: until then everything could be heard. */
  get heardUntil(): number {
    return this.heardAt;
  }

  /** Whether one should have come through by now, and neither it nor a later one has. */
  get isOverdue(): boolean {
    const now = this.now();
    for (const sentAt of this.underWay.values())
      if (sentAt >= this.heardAt && now - sentAt > OVERDUE_MS) return true;
    return false;
  }

  /** So many of the last ones that others can be seen to take them; undefined if not. */
  get missing(): { readonly lost: number; readonly of: number } | undefined {
    const lost = this.ends.filter((isLost) => isLost).length;
    return lost < TOO_MANY ? undefined : { lost, of: this.ends.length };
  }

  private end(number: number, isLost: boolean): void {
    this.underWay.delete(number);
    this.ends.push(isLost);
    if (this.ends.length > JUDGED) this.ends.shift();
  }
}
