/** Not more often than this, ms: many small steps cost more than they smooth. */
const SHORTEST_STEP_MS = 5;
const LONGEST_STEP_MS = 50;

/**
 * Visits each of `count` in every interval, evenly spread over it, on a fixed schedule: a slow visit does not shift the
 * following ones. After a pause of more than an interval the missed rounds are left out, not made up for in a burst.
 */
export class Spread {
  private timer: NodeJS.Timeout | undefined;
  /** Visits so far, as if none had been left out. */
  private position = 0;

  constructor(
    private readonly count: number,
    private readonly intervalMs: number,
    private readonly visit: (index: number) => void,
    private readonly monotonic: () => number = () => performance.now(),
  ) {}

  start(): void {
    const startedAt = this.monotonic();
    const stepMs = this.intervalMs / this.count;
    this.timer = setInterval(
      () => this.advanceTo(Math.floor((this.monotonic() - startedAt) / stepMs)),
      Math.min(LONGEST_STEP_MS, Math.max(SHORTEST_STEP_MS, stepMs)),
    );
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private advanceTo(target: number): void {
    this.position = Math.max(this.position, target - this.count);
    for (; this.position < target; this.position += 1) this.visit(this.position % this.count);
  }
}
