/** Lets so much happen in a second and no more; what is not used adds up to the burst. Times are monotonic, milliseconds. */
export class TokenBucket {
  private tokens: number;
  private filledAt: number;

  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
    private readonly clock: () => number = () => performance.now(),
  ) {
    this.tokens = burst;
    this.filledAt = clock();
  }

  /** Whole tokens that may be taken now; none while more were taken than there were. */
  get available(): number {
    const now = this.clock();
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.filledAt) * this.perSecond) / 1000);
    this.filledAt = now;
    return Math.max(0, Math.floor(this.tokens));
  }

  take(count: number): void {
    this.tokens -= count;
  }

  /** Time until so many tokens are there, if none are taken meanwhile. */
  msUntil(count: number): number {
    return this.available >= count ? 0 : Math.ceil(((count - this.tokens) * 1000) / this.perSecond);
  }
}
