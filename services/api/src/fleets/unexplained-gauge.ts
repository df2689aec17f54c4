import { jitteredMs } from '@lamplighter/contracts/backoff';
import { readFleets } from '@lamplighter/store/fleets/fleets';
import { Injectable } from '@nestjs/common';
import { ApiErrors } from '../foundation/api-errors.js';
import { pause } from '../foundation/pause.js';
import { ApiMetrics } from '../metrics/api-metrics.js';
import { isStoreFailure } from '../problems/store-failure.js';
import { StoreLink } from '../store/store-link.js';
import { LedgerReader } from './ledger-reader.js';

/** Pause between passes over the ledgers of all fleets, and after a failure, milliseconds. */
const INTERVAL_MS = 60_000;
const RETRY_MS = 1000;
/** Pause between fleets, milliseconds. */
const PAUSE_MS = 5;
const PAGE = 500;

/**
 * What the ledgers of all fleets leave unexplained, as gauges. Reading a ledger walks every device, so this runs in the background,
 * one fleet at a time, and never during a scrape. While Redis is unavailable there is no value rather than an old one.
 */
@Injectable()
export class UnexplainedGauge {
  private readonly stopping = new AbortController();

  constructor(
    private readonly link: StoreLink,
    private readonly ledgers: LedgerReader,
    private readonly metrics: ApiMetrics,
    private readonly errors: ApiErrors,
  ) {}

  start(): void {
    void this.run();
  }

  stop(): void {
    this.stopping.abort();
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const isDone = await this.refresh(signal);
      await pause(jitteredMs(isDone ? INTERVAL_MS : RETRY_MS, 0.1), signal);
    }
  }

  private async refresh(signal: AbortSignal): Promise<boolean> {
    const sums = { readings: 0, commands: 0 };
    try {
      for (let after: string | undefined = ''; after !== undefined; ) {
        const { fleets, next }: Awaited<ReturnType<typeof readFleets>> = await readFleets(this.link.redis, {
          limit: PAGE,
          after,
        });
        for (const { fleet } of fleets) {
          const { readings, commands } = await this.ledgers.read(fleet);
          sums.readings += readings.unexplained;
          sums.commands += Math.abs(commands.unexplained);
          await pause(PAUSE_MS, signal);
          if (signal.aborted) return false;
        }
        after = next;
      }
    } catch (error) {
      this.metrics.unexplained.reset();
      if (!isStoreFailure(error)) this.errors.report('metrics', error, 'cannot read the ledgers; retrying');
      return false;
    }
    this.metrics.unexplained.set({ kind: 'readings' }, sums.readings);
    this.metrics.unexplained.set({ kind: 'commands' }, sums.commands);
    return true;
  }
}
