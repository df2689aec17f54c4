import type { Redis } from '@lamplighter/store/connect';
import { keepRejected, type RejectedSample } from '@lamplighter/store/rejected';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { RulesMetrics } from '../metrics.js';
import { REDIS } from '../tokens.js';

/** Samples per second; the counters have all of them. */
const SAMPLES_PER_SECOND = 10;

/** Keeps a few of the refused messages where the API can show them. */
@Injectable()
export class RejectedService implements OnApplicationShutdown {
  private samples: RejectedSample[] = [];
  private readonly timer = setInterval(() => this.write(), 1000);

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly metrics: RulesMetrics,
  ) {
    this.timer.unref();
  }

  sample(topic: string, payload: Buffer, reason: string): void {
    if (this.samples.length >= SAMPLES_PER_SECOND) return;
    this.samples.push({
      at: Date.now(),
      reason,
      topic: topic.slice(0, 128),
      payload: payload.subarray(0, 800).toString().slice(0, 200),
    });
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  private write(): void {
    const samples = this.samples;
    if (samples.length === 0) return;
    this.samples = [];
    this.metrics.storeCall('rejected', () => keepRejected(this.redis, samples)).catch(() => undefined);
  }
}
