/**
 * Smaller backward steps are ignored, milliseconds: they prolong waits by less than the shortest lease (5 s). Leap seconds and slewed
 * clocks stay well below it.
 */
const TOLERANCE_MS = 2000;

/**
 * Detects backward steps of the Redis clock by comparing it with the monotonic clock of this process, and repairs pending waits. A new
 * process cannot detect earlier steps, so it repairs once at startup. A failed repair is retried at the next observation.
 */
export class ClockWatch {
  /** Lower bound of the offset of the Redis clock from the monotonic clock. */
  private offsetMs: number | undefined;
  private stepSeen = false;
  private isRepaired = false;
  private isRepairing = false;

  /**
   * @param repair gets whether a step was detected; false at the start
   * @param onSetBack gets a lower bound of the step, milliseconds
   */
  constructor(
    private readonly repair: (stepSeen: boolean) => Promise<void>,
    private readonly onSetBack: (ms: number) => void,
    private readonly onRepairFailed: (error: unknown) => void,
  ) {}

  /**
   * Compares the Redis time with the monotonic times before and after it was read, all in milliseconds. A slow response can hide a step,
   * but never looks like one.
   */
  observe(now: number, requestedAt: number, receivedAt: number): void {
    const setBackMs = this.offsetMs === undefined ? 0 : this.offsetMs - (now - requestedAt);
    this.offsetMs = now - receivedAt;
    if (setBackMs > TOLERANCE_MS) {
      this.isRepaired = false;
      this.stepSeen = true;
      this.onSetBack(setBackMs);
    }
    if (!this.isRepaired && !this.isRepairing) void this.tryRepair();
  }

  private async tryRepair(): Promise<void> {
    this.isRepairing = true;
    this.isRepaired = true; // reset if the clock is set back again meanwhile
    try {
      await this.repair(this.stepSeen);
    } catch (error) {
      this.isRepaired = false;
      this.onRepairFailed(error);
    } finally {
      this.isRepairing = false;
    }
  }
}
