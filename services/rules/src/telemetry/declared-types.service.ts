import { type DeclaredType, declaredTypes } from '@lamplighter/contracts/telemetry/declared-types';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import type { Redis } from '@lamplighter/store/redis/connect';
import {
  readAllTelemetrySchemas,
  readTelemetrySchemasRevision,
} from '@lamplighter/store/telemetry/telemetry-schemas';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { RulesMetrics } from '../metrics.js';
import { RulesErrors } from '../rules-errors.js';
import { RepeatedWork } from '../store-access/repeated-work.js';
import { LOGGER, REDIS } from '../tokens.js';

/** How often Redis is polled for changed telemetry schemas, milliseconds. */
const ROUND_MS = 1000;

/** The types that fleets declare in their telemetry schemas. While Redis is unavailable the last known ones are used. */
@Injectable()
export class DeclaredTypes implements OnApplicationBootstrap {
  private readonly reading: RepeatedWork;
  /** Undefined before the first round, so that schemas of an earlier release, which have no revision, are read, too. */
  private revision: string | null | undefined;
  private fleets: ReadonlyMap<string, readonly DeclaredType[]> = new Map();

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(LOGGER) logger: Logger,
    private readonly metrics: RulesMetrics,
    unexpected: RulesErrors,
  ) {
    this.reading = new RepeatedWork(
      logger,
      unexpected,
      'rule_book',
      'cannot read telemetry schemas; waiting for Redis',
      () => this.read(),
    );
  }

  onApplicationBootstrap(): void {
    this.reading.schedule(0);
  }

  /** Starts no more rounds. */
  stop(): Promise<void> {
    return this.reading.stop();
  }

  /** The declared types of a fleet; undefined if it has no telemetry schema. */
  of(fleet: string): readonly DeclaredType[] | undefined {
    return this.fleets.get(fleet);
  }

  /** One round; returns the pause before the next one. */
  private async read(): Promise<number> {
    await this.metrics.storeCall('rules', async () => {
      // Read before the schemas, so that a concurrent write is found in the next round.
      const revision = await readTelemetrySchemasRevision(this.redis);
      if (revision === this.revision) return;
      const schemas = await readAllTelemetrySchemas(this.redis);
      this.fleets = new Map([...schemas].map(([fleet, schema]) => [fleet, declaredTypes(schema)]));
      this.revision = revision;
    });
    return ROUND_MS;
  }
}
