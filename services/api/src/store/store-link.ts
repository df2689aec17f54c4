import type { Logger } from '@lamplighter/service-kit/logger';
import { connectRedis, durabilityProblems, type Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import type { ApiMetrics } from '../metrics/api-metrics.js';
import { Problem, retryAfter } from '../problems/problem.js';
import { storeAway } from '../problems/store-away.js';

/** How often Redis is asked how it is; how long it may take to answer that and anything else, milliseconds. */
const ASK_EVERY_MS = 1000;
const ANSWER_MS = 1000;

/**
 * The API's connection to Redis, and what is known of its state. While Redis is away every request fails at once instead of
 * waiting: a frozen Redis, whose connection stays open, is found by asking it every second.
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
      /** Called whenever Redis has come (back), and again after the next answer if it failed. */
      whenBack: (redis: Redis) => Promise<void>;
    },
  ) {}

  /** Connects, and keeps watching. */
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

  /** @throws Problem `store-away`, at once, while Redis is away */
  get redis(): Redis {
    if (this.connection === undefined || this.awayBecause !== undefined) throw storeAway();
    return this.connection;
  }

  /**
   * For what is accepted with a promise: what Redis has answered must be on disk.
   * @throws Problem `store-away`, or `store-not-durable` if durability is required and not given
   */
  get durableRedis(): Redis {
    const { redis } = this;
    if (this.options.requireDurability && this.durability.length > 0) {
      throw new Problem('store-not-durable', `${this.durability.join('; ')}.`, {}, retryAfter(5));
    }
    return redis;
  }

  /** What keeps this Redis from being relied on, in words; empty when nothing does. */
  problems(): string[] {
    if (this.awayBecause !== undefined) return [`Redis is away: ${this.awayBecause}`];
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
      this.learn([`Redis takes no writes: ${reason}`]);
    }
    this.back();
    if (this.isGreeted) return;
    try {
      await this.options.whenBack(redis);
      this.isGreeted = true;
    } catch (error) {
      // Redis went away or refuses writes: there will be another answer. Anything else needs a human.
      if (storeFailure(error) !== undefined) return;
      this.isGreeted = true;
      this.options.logger.error({ err: error }, 'Redis is there, but does not let the API work');
    }
  }

  private learn(durability: readonly string[]): void {
    if (durability.join() !== this.durability.join()) {
      if (durability.length > 0)
        this.options.logger.warn({ problems: durability }, 'Redis could lose commands');
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
    this.options.logger.warn({ reason }, 'Redis is away; trying again');
  }
}

/** Rejects if Redis takes longer than it may. A late timer of a busy process lets the waiting replies in first. */
function answered<T>(call: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      setImmediate(() =>
        setImmediate(() => reject(new Error(`no answer within ${ANSWER_MS} ms, timed out`))),
      );
    }, ANSWER_MS);
    call.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
