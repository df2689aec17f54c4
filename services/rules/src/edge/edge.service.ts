import { jitteredMs } from '@lamplighter/contracts/backoff';
import { edgeFault, parseEdgeReport } from '@lamplighter/contracts/edge/edge';
import { deviceTopic } from '@lamplighter/contracts/topics';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import {
  claimUnjudgedDevices,
  type DeviceName,
  type Judgement,
  readDecisions,
  recordJudgements,
  reportDecisions,
} from '@lamplighter/store/edge/edge';
import type { Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Config } from '../config.js';
import { RulesMetrics } from '../metrics.js';
import { RejectedService } from '../rejected/rejected.service.js';
import { RulesErrors } from '../rules-errors.js';
import { OutageLog } from '../store-access/outage-log.js';
import { RepeatedWork } from '../store-access/repeated-work.js';
import { untilStored } from '../store-access/until-stored.js';
import { CONFIG, LOGGER, REDIS } from '../tokens.js';
import { DecisionFactsReader } from './decision-facts.js';
import { evaluateDecision } from './evaluate-decision.js';

/** How often devices with unevaluated decisions are claimed, milliseconds on average. */
const POLL_MS = 1000;
/** Devices per claim; those of one quorum share the readings of their neighbours. */
const CLAIM_LIMIT = 20;

/** The unparsed edge report in a reading. */
export interface Reported extends DeviceName {
  readonly report: unknown;
}

/** Stores edge decisions, and evaluates them once the neighbours of their devices have had time to reconnect. */
@Injectable()
export class EdgeService implements OnApplicationBootstrap {
  private readonly evaluateAfterMs: number;
  private readonly evaluating: RepeatedWork;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(LOGGER) logger: Logger,
    @Inject(CONFIG) config: Config,
    private readonly metrics: RulesMetrics,
    private readonly unexpected: RulesErrors,
    private readonly outages: OutageLog,
    private readonly rejected: RejectedService,
  ) {
    this.evaluateAfterMs = config.EDGE_JUDGE_SECONDS * 1000;
    this.evaluating = new RepeatedWork(
      logger,
      unexpected,
      'edge',
      'cannot evaluate edge decisions; waiting for Redis',
      () => this.work(),
    );
  }

  onApplicationBootstrap(): void {
    this.evaluating.schedule(POLL_MS);
  }

  /** Starts no more rounds. Decisions that are not evaluated in time are claimed by another replica when the lease expires. */
  stop(): Promise<void> {
    return this.evaluating.stop();
  }

  /** Settles when the reports are stored, so that a reading gets its receipt only after its report is durable. */
  async storeReports(reported: readonly Reported[]): Promise<void> {
    const reports = reported.flatMap(({ fleet, device, report }) => {
      const parsed = parseEdgeReport(report);
      if (parsed === undefined || parsed.decisions.length < countOf(report))
        this.reject(fleet, device, report);
      if (parsed === undefined || (parsed.decisions.length === 0 && parsed.dropped === 0)) return [];
      return [{ fleet, device, report: parsed }];
    });
    if (reports.length === 0) return;
    const store = async (some: typeof reports | readonly (typeof reports)[number][]) => {
      const report = (one: (typeof reports)[number]) =>
        reportDecisions(this.redis, one, one.report, this.evaluateAfterMs);
      await this.metrics.storeCall('edge', () => Promise.all(some.map(report)));
      return some.map(() => undefined);
    };
    await untilStored(reports, store, {
      onRetry: (error) => this.outages.writeFailed(error),
      onPoison: ({ fleet, device }, error) => this.outages.inputDropped({ fleet, device }, error),
    });
  }

  /** Rejects a report, or decisions in it; the reading is stored anyway. */
  private reject(fleet: string, device: string, report: unknown): void {
    const message = {
      topic: deviceTopic(fleet, 'telemetry', device),
      payload: () => JSON.stringify({ _edge: report }),
    };
    this.rejected.reject('edge', 'schema', message, () => edgeFault(report));
  }

  /** One round; returns the pause before the next one. */
  private async work(): Promise<number> {
    const { now, devices } = await this.metrics.storeCall('edge', () =>
      claimUnjudgedDevices(this.redis, CLAIM_LIMIT),
    );
    const facts = new DecisionFactsReader(this.redis);
    for (const device of devices)
      await this.metrics.storeCall('edge', () => this.evaluateDecisions(device, facts, now));
    return devices.length === CLAIM_LIMIT ? 0 : jitteredMs(POLL_MS);
  }

  /** @throws if Redis is unavailable: the work is retried when the lease expires */
  private async evaluateDecisions(
    device: DeviceName,
    facts: DecisionFactsReader,
    now: number,
  ): Promise<void> {
    const { decisions } = await readDecisions(this.redis, device);
    const judgements: (readonly [id: number, judgement: Judgement])[] = [];
    for (const { decision, reportedAt, judgement } of decisions) {
      // A report from the future was stored before the Redis clock was set back.
      const isDue = reportedAt > now || reportedAt + this.evaluateAfterMs <= now;
      if (judgement !== undefined || !isDue) continue;
      try {
        const verdict = evaluateDecision(decision, await facts.read(device, decision));
        judgements.push([decision.id, { ...verdict, at: now }]);
      } catch (error) {
        if (storeFailure(error) !== undefined) throw error;
        // One failing decision must not block the others, nor be retried forever.
        const sentences = [`the decision could not be evaluated: ${(error as Error).message}`.slice(0, 500)];
        judgements.push([decision.id, { judgement: 'data_missing', at: now, sentences }]);
        this.unexpected.report(
          'edge',
          error,
          'cannot evaluate an edge decision; recording it as data_missing',
          {
            ...device,
          },
        );
      }
    }
    const written = await recordJudgements(this.redis, device, judgements, this.evaluateAfterMs);
    for (const { judgement } of written) this.metrics.edgeDecisions.inc({ judgement });
  }
}

/** The number of decisions in a report, valid or not. */
function countOf(report: unknown): number {
  const decisions: unknown =
    typeof report === 'object' && report !== null && 'decisions' in report ? report.decisions : undefined;
  return Array.isArray(decisions) ? decisions.length : 0;
}
