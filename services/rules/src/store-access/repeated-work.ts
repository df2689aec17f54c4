import { type Backoff, backoffMs } from '@lamplighter/contracts/backoff';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import type { ErrorPlace } from '../metrics.js';
import type { RulesErrors } from '../rules-errors.js';

/** The pause after a failure of Redis. */
const RETRY: Backoff = { firstMs: 200, maxMs: 5000 };
/** Longest wait for the current round during shutdown, milliseconds. */
const STOP_MS = 2000;

/** Runs rounds of work on Redis for as long as the service runs, with back-off while they fail. */
export class RepeatedWork {
  private timer: NodeJS.Timeout | undefined;
  private working: Promise<void> | undefined;
  private stopped = false;
  private failures = 0;

  /**
   * @param where the place that unexpected errors are reported for
   * @param waiting the message that is logged once per outage of Redis
   * @param round does the work once; returns the pause before the next round, milliseconds; throws if Redis is unavailable
   */
  constructor(
    private readonly logger: Logger,
    private readonly unexpected: RulesErrors,
    private readonly where: ErrorPlace,
    private readonly waiting: string,
    private readonly round: () => Promise<number>,
  ) {}

  get isStopped(): boolean {
    return this.stopped;
  }

  /** Runs the next round after a pause. */
  schedule(waitMs: number): void {
    this.timer = setTimeout(() => {
      this.working = this.once().then((wait) => {
        if (!this.stopped) this.schedule(wait);
      });
    }, waitMs);
  }

  /**
   * Starts no more rounds. Settles when the current one has ended, or after a limit.
   * @param end is run after the current round
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
      if (storeFailure(error) === undefined)
        this.unexpected.report(this.where, error, 'a round of repeated work failed; retrying');
      else if (this.failures === 0) this.logger.warn({ reason: (error as Error).message }, this.waiting);
      this.failures += 1;
      return backoffMs(this.failures, RETRY);
    }
  }
}
