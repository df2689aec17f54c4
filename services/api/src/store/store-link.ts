import { currentValue } from '@lamplighter/service-kit/config';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import type { UnexpectedErrors } from '@lamplighter/service-kit/unexpected-errors';
import { connectRedis, durabilityProblems, type Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import type { ApiMetrics } from '../metrics/api-metrics.js';
import { Problem, retryAfter } from '../problems/problem.js';
import { storeUnavailable } from '../problems/store-failure.js';

/** Interval of the Redis health check, and timeout of the check and of every command, milliseconds. */
const HEALTH_CHECK_MS = 1000;
const TIMEOUT_MS = 1000;

/**
 * The API's connection to Redis and its state. While Redis is unavailable every request fails immediately instead of waiting. A
 * health check every second detects a frozen Redis, whose connection stays open.
 */
export class StoreLink {
  private connection: Redis | undefined;
  private unavailableReason: string | undefined = 'not connected yet';
  private isLogged = false;
  private durability: readonly string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private isChecking = false;
  private isStopped = false;
  private isInitialized = false;

  constructor(
    private readonly options: {
      url: string;
      ca?: string | undefined;
      requireDurability: boolean;
      logger: Logger;
      metrics: ApiMetrics;
      errors: UnexpectedErrors<'store_link'>;
      /** Called whenever Redis becomes available, and again after the next health check if it failed. */
      onAvailable: (redis: Redis) => Promise<void>;
    },
  ) {}

  /** Connects, and starts the health checks. */
  start(): void {
    this.connection = connectRedis(this.options.url, 'api', {
      ca: this.options.ca,
      readUrl: () => currentValue('REDIS_URL'),
      onUp: () => void this.runHealthCheck(),
      onDown: (reason) => this.markUnavailable(reason || 'no connection'),
      commandTimeoutMs: TIMEOUT_MS,
    });
    void this.runHealthCheck();
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
    this.connection?.disconnect();
  }

  /** @throws Problem `store-away` while Redis is unavailable */
  get redis(): Redis {
    if (this.connection === undefined || this.unavailableReason !== undefined) throw storeUnavailable();
    return this.connection;
  }

  /**
   * For writes that must be on disk when Redis confirms them.
   * @throws Problem `store-away`, or `store-not-durable` if durability is required and Redis lacks it
   */
  get durableRedis(): Redis {
    const { redis } = this;
    if (this.options.requireDurability && this.durability.length > 0) {
      throw new Problem('store-not-durable', `${this.durability.join('; ')}.`, {}, retryAfter(5));
    }
    return redis;
  }

  /** Why Redis cannot be relied on; empty if it can. */
  problems(): string[] {
    if (this.unavailableReason !== undefined) return [`Redis is unavailable: ${this.unavailableReason}`];
    return this.options.requireDurability ? [...this.durability] : [];
  }

  private async runHealthCheck(): Promise<void> {
    if (this.isChecking || this.isStopped || this.connection === undefined) return;
    this.isChecking = true;
    clearTimeout(this.timer);
    try {
      await this.checkHealth(this.connection);
    } finally {
      this.isChecking = false;
      if (!this.isStopped) this.timer = setTimeout(() => void this.runHealthCheck(), HEALTH_CHECK_MS);
    }
  }

  private async checkHealth(redis: Redis): Promise<void> {
    try {
      this.setDurability(await withTimeout(durabilityProblems(redis)));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const failure = storeFailure(error);
      if (failure === undefined)
        this.options.errors.report('store_link', error, 'the health check of Redis failed; retrying');
      if (failure !== 'rejectingWrites') {
        if (this.unavailableReason === undefined) this.markUnavailable(reason);
        return;
      }
      this.setDurability([`Redis rejects writes: ${reason}`]);
    }
    this.markAvailable();
    if (this.isInitialized) return;
    try {
      await this.options.onAvailable(redis);
      this.isInitialized = true;
    } catch (error) {
      // Redis became unavailable or rejects writes: the next health check tries again.
      if (storeFailure(error) !== undefined) return;
      this.isInitialized = true;
      this.options.errors.report(
        'store_link',
        error,
        'Redis is reachable, but the API could not initialize; fix the cause and restart the API',
      );
    }
  }

  private setDurability(durability: readonly string[]): void {
    if (durability.join() !== this.durability.join()) {
      if (durability.length > 0)
        this.options.logger.warn(
          { problems: durability },
          'Redis is not durable and could lose commands; see problems',
        );
      else this.options.logger.info('Redis is durable again');
    }
    this.durability = durability;
    this.options.metrics.durable.set(durability.length === 0 ? 1 : 0);
  }

  private markAvailable(): void {
    if (this.unavailableReason === undefined) return;
    this.unavailableReason = undefined;
    this.isLogged = false;
    this.options.logger.info('connected to Redis');
  }

  private markUnavailable(reason: string): void {
    if (this.isStopped) return;
    this.unavailableReason = reason;
    this.isInitialized = false;
    this.options.metrics.durable.set(0);
    if (this.isLogged) return;
    this.isLogged = true;
    this.options.logger.warn({ reason }, 'cannot reach Redis; retrying');
  }
}

/** Rejects after the timeout. If the process was too busy to run the timer on time, pending replies are handled first. */
function withTimeout<T>(call: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      setImmediate(() =>
        setImmediate(() => reject(new Error(`no reply within ${TIMEOUT_MS} ms, timed out`))),
      );
    }, TIMEOUT_MS);
    call.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
