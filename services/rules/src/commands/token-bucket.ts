/** A rate limit; unused tokens accumulate up to the burst. Times are monotonic, milliseconds. */
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

  /** Whole tokens that can be taken now; 0 while the bucket is overdrawn. */
  get available(): number {
    const now = this.clock();
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.filledAt) * this.perSecond) / 1000);
    this.filledAt = now;
    return Math.max(0, Math.floor(this.tokens));
  }

  take(count: number): void {
    this.tokens -= count;
  }

  /** Time until this many tokens are available, if none are taken meanwhile. */
  msUntil(count: number): number {
    return this.available >= count ? 0 : Math.ceil(((count - this.tokens) * 1000) / this.perSecond);
  }
}
