/**
 * A step back below this is left alone, milliseconds: waits last longer by no more than that, which is less than the shortest lease
 * (5 s), and neither a leap second nor a clock that is slewed comes near it.
 */
const TOLERANCE_MS = 2000;

/**
 * Detects backward steps of the Redis clock by this process's monotonic clock, and has pending waits repaired. A new process cannot know
 * of earlier steps, so it repairs once at the start. A failed repair is retried at the next observation.
 */
export class ClockWatch {
  /** How far the clock of Redis is ahead of the monotonic one at least. */
  private ahead: number | undefined;
  private wasSeen = false;
  private isRepaired = false;
  private isRepairing = false;

  /**
   * @param repair gets whether a step was seen; false at the start
   * @param onSetBack gets the least size of the step, milliseconds
   */
  constructor(
    private readonly repair: (wasSeen: boolean) => Promise<void>,
    private readonly onSetBack: (ms: number) => void,
    private readonly onRepairFailed: (error: unknown) => void,
  ) {}

  /**
   * Takes notice of a time of Redis that was read between two times of this process; all in milliseconds. A slow answer makes a step
   * harder to see, and never looks like one.
   */
  observe(now: number, askedAt: number, answeredAt: number): void {
    const setBackMs = this.ahead === undefined ? 0 : this.ahead - (now - askedAt);
    this.ahead = now - answeredAt;
    if (setBackMs > TOLERANCE_MS) {
      this.isRepaired = false;
      this.wasSeen = true;
      this.onSetBack(setBackMs);
    }
    if (!this.isRepaired && !this.isRepairing) void this.tryRepair();
  }

  private async tryRepair(): Promise<void> {
    this.isRepairing = true;
    this.isRepaired = true; // unless the clock is set back once more meanwhile
    try {
      await this.repair(this.wasSeen);
    } catch (error) {
      this.isRepaired = false;
      this.onRepairFailed(error);
    } finally {
      this.isRepairing = false;
    }
  }
}
