/** A rate limit as the time at which the next unit is due. Monotonic times, milliseconds. */
export class Budget {
  private dueAt = Number.NEGATIVE_INFINITY;

  /**
   * @param perSecond units per second
   * @param burstMs unused units accumulate for this long
   */
  constructor(
    private readonly perSecond: number,
    private readonly burstMs: number,
  ) {}

  isSpent(now: number): boolean {
    return this.dueAt > now;
  }

  /** Charges units, possibly more than are left: a large message delays the next one. */
  charge(units: number, now: number): void {
    this.dueAt = Math.max(this.dueAt, now - this.burstMs) + (units * 1000) / this.perSecond;
  }
}
