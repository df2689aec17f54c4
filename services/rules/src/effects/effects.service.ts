import { jitteredMs } from '@lamplighter/contracts/backoff';
import { compileExpression, type Expression } from '@lamplighter/evaluation/expression/expression';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import {
  claimEffects,
  dropEffect,
  type EffectCheck,
  type EffectFinding,
  recordEffect,
} from '@lamplighter/store/effects/effects';
import type { Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { LiveEventsService } from '../live-events/live-events.service.js';
import { RulesMetrics } from '../metrics.js';
import { RulesErrors } from '../rules-errors.js';
import { RepeatedWork } from '../store-access/repeated-work.js';
import { LOGGER, REDIS } from '../tokens.js';
import { measureEffect } from './measure-effect.js';

/** How often due effect checks are claimed, milliseconds on average. */
const POLL_MS = 500;
/** Effect checks per claim; each reads the window of a device. */
const CLAIM_LIMIT = 50;
/** Cached compiled expressions; a fleet has few. */
const MAX_COMPILED = 1000;

/** Measures whether succeeded commands had the effect that their rule expects. Replicas share the work by leases. */
@Injectable()
export class EffectsService implements OnApplicationBootstrap {
  private readonly compiled = new Map<string, Expression<boolean> | undefined>();
  private readonly measuring: RepeatedWork;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly metrics: RulesMetrics,
    private readonly unexpected: RulesErrors,
    private readonly events: LiveEventsService,
  ) {
    this.measuring = new RepeatedWork(
      logger,
      unexpected,
      'effects',
      'cannot measure effects; waiting for Redis',
      () => this.work(),
    );
  }

  onApplicationBootstrap(): void {
    this.measuring.schedule(POLL_MS);
  }

  /** Starts no more rounds. Checks that are not recorded in time are claimed by another replica when the lease expires. */
  stop(): Promise<void> {
    return this.measuring.stop();
  }

  /** One round; returns the pause before the next one. */
  private async work(): Promise<number> {
    const claim = () => claimEffects(this.redis, CLAIM_LIMIT);
    const { now, checks } = await this.metrics.storeCall('effect', claim);
    const results = await Promise.allSettled(
      checks.map((check) => this.metrics.storeCall('effect', () => this.measure(check, now))),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    return checks.length === CLAIM_LIMIT ? 0 : jitteredMs(POLL_MS);
  }

  /** @throws if Redis is unavailable: the work is retried when the lease expires */
  private async measure(check: EffectCheck, now: number): Promise<void> {
    try {
      const finding = await measureEffect(this.redis, check, now, (text) => this.compile(text));
      if (finding === undefined) await dropEffect(this.redis, check);
      else if (await recordEffect(this.redis, check, finding)) this.record(check, finding);
    } catch (error) {
      if (storeFailure(error) !== undefined) throw error;
      // One failing check must not block the others, nor be retried forever.
      this.unexpected.report(
        'effects',
        error,
        'cannot measure the effect of a command; recording it as unmeasured',
        {
          command: check.id,
        },
      );
      await recordEffect(this.redis, check, { rule: '', outcome: 'unmeasured', evidence: {} });
    }
  }

  private record({ fleet, device, id }: EffectCheck, { rule, outcome }: EffectFinding): void {
    if (outcome === 'pending') return;
    this.metrics.effects.inc({ outcome });
    this.events.append([{ type: 'effect', fleet, device, command: id, rule, outcome }]);
  }

  private compile(text: string): Expression<boolean> | undefined {
    if (this.compiled.has(text)) return this.compiled.get(text);
    if (this.compiled.size >= MAX_COMPILED) this.compiled.clear();
    let expression: Expression<boolean> | undefined;
    try {
      expression = compileExpression(text, { returns: 'bool', variables: ['last', 'device'] });
      // eslint-disable-next-line no-restricted-syntax -- an invalid expression is logged once
    } catch (error) {
      this.logger.warn(
        { reason: (error as Error).message, expect: text },
        'cannot compile the expected effect of a command; recording it as unmeasured',
      );
    }
    this.compiled.set(text, expression);
    return expression;
  }
}
