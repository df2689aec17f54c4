import type { Logger } from '@lamplighter/service-kit/logger';
import { connectRedis, durabilityProblems, type Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import type { ApiMetrics } from '../metrics/api-metrics.js';
import { Problem, retryAfter } from '../problems/problem.js';
import { storeAway } from '../problems/store-away.js';

/** Interval of the Redis health check, and timeout of the check and of every command, milliseconds. */
const ASK_EVERY_MS = 1000;
const ANSWER_MS = 1000;

/**
 * The API's connection to Redis and its state. While Redis is unavailable every request fails immediately instead of waiting. A
 * health check every second detects a frozen Redis, whose connection stays open.
 */
export class StoreLink {
  private connection: Redis | undefined;
  private awayBecause: string | undefined = 'not connected yet';
  private isLogged = false;
  private durability: readonly string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private isAsking = false;
  private isStopped = false;
  private isGreeted = false;

  constructor(
    private readonly options: {
      url: string;
      requireDurability: boolean;
      logger: Logger;
      metrics: ApiMetrics;
      /** Called whenever Redis becomes available, and again after the next health check if it failed. */
      whenBack: (redis: Redis) => Promise<void>;
    },
  ) {}

  /** Connects, and starts the health checks. */
  start(): void {
    this.connection = connectRedis(this.options.url, 'api', {
      onUp: () => void this.ask(),
      onDown: (reason) => this.gone(reason || 'no connection'),
      commandTimeoutMs: ANSWER_MS,
    });
    void this.ask();
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
    this.connection?.disconnect();
  }

  /** @throws Problem `store-away` while Redis is unavailable */
  get redis(): Redis {
    if (this.connection === undefined || this.awayBecause !== undefined) throw storeAway();
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
    if (this.awayBecause !== undefined) return [`Redis is unavailable: ${this.awayBecause}`];
    return this.options.requireDurability ? [...this.durability] : [];
  }

  private async ask(): Promise<void> {
    if (this.isAsking || this.isStopped || this.connection === undefined) return;
    this.isAsking = true;
    clearTimeout(this.timer);
    try {
      await this.askNow(this.connection);
    } finally {
      this.isAsking = false;
      if (!this.isStopped) this.timer = setTimeout(() => void this.ask(), ASK_EVERY_MS);
    }
  }

  private async askNow(redis: Redis): Promise<void> {
    try {
      this.learn(await answered(durabilityProblems(redis)));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (storeFailure(error) !== 'refusing') {
        if (this.awayBecause === undefined) this.gone(reason);
        return;
      }
      this.learn([`Redis rejects writes: ${reason}`]);
    }
    this.back();
    if (this.isGreeted) return;
    try {
      await this.options.whenBack(redis);
      this.isGreeted = true;
    } catch (error) {
      // Redis became unavailable or rejects writes: the next health check tries again.
      if (storeFailure(error) !== undefined) return;
      this.isGreeted = true;
      this.options.logger.error(
        { err: error },
        'Redis is reachable, but the API could not initialize; fix the cause and restart the API',
      );
    }
  }

  private learn(durability: readonly string[]): void {
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

  private back(): void {
    if (this.awayBecause === undefined) return;
    this.awayBecause = undefined;
    this.isLogged = false;
    this.options.logger.info('connected to Redis');
  }

  private gone(reason: string): void {
    if (this.isStopped) return;
    this.awayBecause = reason;
    this.isGreeted = false;
    this.options.metrics.durable.set(0);
    if (this.isLogged) return;
    this.isLogged = true;
    this.options.logger.warn({ reason }, 'cannot reach Redis; retrying');
  }
}

/** Rejects after the timeout. If the process was too busy to run the timer on time, pending replies are handled first. */
function answered<T>(call: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      setImmediate(() => setImmediate(() => reject(new Error(`no reply within ${ANSWER_MS} ms, timed out`))));
    }, ANSWER_MS);
    call.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
