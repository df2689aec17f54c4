import { type Backoff, backoffMs } from '@lamplighter/contracts/backoff';
import type { Logger } from '@lamplighter/service-kit/logger';

/** The pause after a failure of Redis. */
const RETRY: Backoff = { firstMs: 200, maxMs: 5000 };
/** A service that stops waits so long for what is under way. Milliseconds. */
const STOP_MS = 2000;

/** Work on Redis that is done round after round for as long as the service runs, ever more seldom while Redis is away. */
export class RepeatedWork {
  private timer: NodeJS.Timeout | undefined;
  private working: Promise<void> | undefined;
  private stopped = false;
  private failures = 0;

  /**
   * @param waiting what is said of it, once, when Redis goes away
   * @param round does the work once; returns how long to wait for the next time, milliseconds. It throws if Redis is away.
   */
  constructor(
    private readonly logger: Logger,
    private readonly waiting: string,
    private readonly round: () => Promise<number>,
  ) {}

  get isStopped(): boolean {
    return this.stopped;
  }

  /** Does it for the first time after so many milliseconds. */
  begin(waitMs: number): void {
    this.timer = setTimeout(() => {
      this.working = this.once().then((wait) => {
        if (!this.stopped) this.begin(wait);
      });
    }, waitMs);
  }

  /**
   * Begins no more rounds. Settles when the present one is over, though it may go on if that takes too long.
   * @param end what is to be done after it
   */
  async stop(end: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    const limit = new Promise<void>((resolve) => setTimeout(resolve, STOP_MS).unref());
    await Promise.race([Promise.resolve(this.working).then(end), limit]);
  }

  private async once(): Promise<number> {
    try {
      const waitMs = await this.round();
      this.failures = 0;
      return waitMs;
    } catch (error) {
      if (this.failures === 0) this.logger.warn({ reason: (error as Error).message }, this.waiting);
      this.failures += 1;
      return backoffMs(this.failures, RETRY);
    }
  }
}
