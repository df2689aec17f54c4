import { jitteredMs } from '@lamplighter/contracts/backoff';
import { edgeFault, parseEdgeReport } from '@lamplighter/contracts/edge/edge';
import { deviceTopic } from '@lamplighter/contracts/topics';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import {
  type DeviceName,
  type Judgement,
  readDecisions,
  recordJudgements,
  reportDecisions,
  takeUnjudgedDevices,
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

/** How often devices whose decisions are to be judged are asked for, milliseconds on average. */
const POLL_MS = 1000;
/** Devices that are taken at a time; those of one quorum share what is read of their neighbours. */
const TAKE_LIMIT = 20;

/** What one device reported with a reading, not read yet. */
export interface Reported extends DeviceName {
  readonly report: unknown;
}

/** Keeps what devices decided while their link was down, and judges it when their neighbours have had time to come back too. */
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

  /** Takes nothing more. What is not judged in time another replica judges when the lease has ended. */
  stop(): Promise<void> {
    return this.evaluating.stop();
  }

  /** Keeps what came with readings; returns when it is stored, so that no reading is receipted whose report could be lost. */
  async storeReports(reported: readonly Reported[]): Promise<void> {
    const reports = reported.flatMap(({ fleet, device, report }) => {
      const read = parseEdgeReport(report);
      if (read === undefined || read.decisions.length < countOf(report)) this.refuse(fleet, device, report);
      if (read === undefined || (read.decisions.length === 0 && read.dropped === 0)) return [];
      return [{ fleet, device, report: read }];
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

  /** The report, or a decision in it; the reading is stored all the same. */
  private refuse(fleet: string, device: string, report: unknown): void {
    const message = {
      topic: deviceTopic(fleet, 'telemetry', device),
      payload: () => JSON.stringify({ _edge: report }),
    };
    this.rejected.refuse('edge', 'schema', message, () => edgeFault(report));
  }

  /** One round; returns how long to wait for the next one. */
  private async work(): Promise<number> {
    const { now, devices } = await this.metrics.storeCall('edge', () =>
      takeUnjudgedDevices(this.redis, TAKE_LIMIT),
    );
    const knowledge = new DecisionFactsReader(this.redis);
    for (const device of devices)
      await this.metrics.storeCall('edge', () => this.evaluateDecisions(device, knowledge, now));
    return devices.length === TAKE_LIMIT ? 0 : jitteredMs(POLL_MS);
  }

  /** @throws if Redis is unavailable: the work is retried when the lease has ended */
  private async evaluateDecisions(
    device: DeviceName,
    knowledge: DecisionFactsReader,
    now: number,
  ): Promise<void> {
    const { decisions } = await readDecisions(this.redis, device);
    const judgements: (readonly [id: number, judgement: Judgement])[] = [];
    for (const { decision, reportedAt, judgement } of decisions) {
      // A report of the future came before the clock of Redis was set back.
      const isDue = reportedAt > now || reportedAt + this.evaluateAfterMs <= now;
      if (judgement !== undefined || !isDue) continue;
      try {
        const verdict = evaluateDecision(decision, await knowledge.read(device, decision));
        judgements.push([decision.id, { ...verdict, at: now }]);
      } catch (error) {
        if (storeFailure(error) !== undefined) throw error;
        // One decision that cannot be judged must not hold up the others, nor come again forever.
        const sentences = [`it could not be evaluated: ${(error as Error).message}`.slice(0, 500)];
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

/** How many decisions a device meant to report. */
function countOf(report: unknown): number {
  const decisions: unknown =
    typeof report === 'object' && report !== null && 'decisions' in report ? report.decisions : undefined;
  return Array.isArray(decisions) ? decisions.length : 0;
}
