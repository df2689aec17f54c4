/** Shortest timer step, milliseconds; shorter ones cost CPU and smooth little. */
const SHORTEST_STEP_MS = 5;
const LONGEST_STEP_MS = 50;

/**
 * Visits each of `count` items once per interval, evenly spread, on a fixed schedule: a slow visit does not delay later ones. Rounds missed
 * during a pause are skipped.
 */
export class Spread {
  private timer: NodeJS.Timeout | undefined;
  /** Number of visits so far, including skipped ones. */
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
