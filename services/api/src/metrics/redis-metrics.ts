import { type Metrics, show, whenScraped } from '@lamplighter/service-kit/metrics';
import type { UnexpectedErrors } from '@lamplighter/service-kit/unexpected-errors';
import type { Redis } from '@lamplighter/store/redis/connect';
import { readServerFacts } from '@lamplighter/store/redis/server-facts';
import { ScrapedValue } from './scraped-value.js';

/** The connection; throws while Redis is unavailable. */
interface Link {
  readonly redis: Redis;
}

/**
 * The most important figures of `INFO`, read on the API's own connection and so available in every installation. In containers
 * an exporter has the rest. While Redis is unavailable there are no values.
 */
export class RedisMetrics {
  private readonly sources;

  constructor(metrics: Metrics) {
    this.sources = [
      [metrics.gauge('redis_used_memory_bytes', 'Memory used by Redis'), 'usedMemoryBytes'],
      [metrics.gauge('redis_max_memory_bytes', 'Memory limit of Redis; 0 means no limit'), 'maxMemoryBytes'],
      [metrics.gauge('redis_clients', 'Clients connected to Redis'), 'clients'],
      [metrics.counter('redis_commands_processed_total', 'Commands processed by Redis'), 'commandsProcessed'],
      [metrics.gauge('redis_uptime_seconds', 'Time since Redis started'), 'uptimeSeconds'],
      [
        metrics.gauge('redis_aof_last_write_ok', '1 if the last write to the append-only file succeeded'),
        'aofLastWriteOk',
      ],
      [metrics.gauge('redis_aof_size_bytes', 'Size of the append-only file'), 'aofBytes'],
    ] as const;
  }

  /** Reads the figures at each scrape. */
  expose(link: Link, errors: UnexpectedErrors<'metrics'>): void {
    const facts = new ScrapedValue(async () => readServerFacts(link.redis), errors);
    for (const [metric, fact] of this.sources) {
      whenScraped(metric, async () => {
        const value = (await facts.read())?.[fact];
        show(metric, value === undefined ? undefined : Number(value));
      });
    }
  }
}
