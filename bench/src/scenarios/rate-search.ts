/**
 * Finds the highest rate that passes: multiplies by a factor while rates pass, then halves the gap (by ratio) between the highest rate
 * that passed and the lowest that failed. A rate fails only if it fails twice, because one disturbance of the machine proves nothing.
 */
export class RateSearch {
  private passing: number | undefined;
  private failing: number | undefined;
  private failures = 0;

  /**
   * @param start the first rate
   * @param growth factor upwards, and downwards while nothing has passed
   * @param resolution ratio of failing to passing rate at which the search ends
   */
  constructor(
    private readonly start: number,
    private readonly growth: number,
    private readonly resolution: number,
  ) {}

  /** The rate to try next; undefined when the search has ended. */
  get next(): number | undefined {
    const { passing, failing } = this;
    if (passing === undefined && failing === undefined) return rounded(this.start);
    if (failing === undefined) return rounded(passing! * this.growth);
    if (passing === undefined) return failing < MIN_RATE ? undefined : rounded(failing / this.growth);
    const middle = rounded(Math.sqrt(passing * failing));
    return failing / passing <= this.resolution || middle === passing || middle === failing
      ? undefined
      : middle;
  }

  /** The highest rate that passed; 0 if none did. */
  get best(): number {
    return this.passing ?? 0;
  }

  /** Records the outcome of the rate `next`. */
  record(passed: boolean): void {
    const rate = this.next;
    if (rate === undefined) return;
    if (passed) {
      this.passing = rate;
      this.failures = 0;
    } else if (++this.failures === 2) {
      this.failing = rate;
      this.failures = 0;
    }
  }
}

const MIN_RATE = 500;

function rounded(rate: number): number {
  return Math.round(rate / 100) * 100;
}
