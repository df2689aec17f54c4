import { compileExpression, type Expression } from '@lamplighter/evaluation/expression';
import type { Logger } from '@lamplighter/service-kit/logger';
import type { Redis } from '@lamplighter/store/connect';
import {
  dropEffect,
  type EffectCheck,
  type EffectFinding,
  recordEffect,
  takeEffects,
} from '@lamplighter/store/effects';
import { storeFailure } from '@lamplighter/store/store-failure';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { LiveEventsService } from '../live-events/live-events.service.js';
import { RulesMetrics } from '../metrics.js';
import { LOGGER, REDIS } from '../tokens.js';
import { lookAtEffect } from './look-at-effect.js';

/** How often effects that are to be looked at are asked for, milliseconds on average. */
const POLL_MS = 500;
/** Effects that are taken at a time; each needs a device's window. */
const TAKE_LIMIT = 50;
/** Pause after Redis has failed, growing. Milliseconds. */
const FAILURE_MS = 200;
const MAX_FAILURE_MS = 5000;
/** A service that stops waits so long for the looks that are under way. Milliseconds. */
const STOP_MS = 2000;
/** Expressions that are kept compiled; a fleet has few. */
const MAX_COMPILED = 1000;

/** Looks whether commands that succeeded had the effect that their rule expects. Replicas share the work by leases. */
@Injectable()
export class EffectsService implements OnApplicationBootstrap {
  private readonly compiled = new Map<string, Expression<boolean> | undefined>();
  private timer: NodeJS.Timeout | undefined;
  private working: Promise<void> | undefined;
  private stopped = false;
  private failures = 0;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly metrics: RulesMetrics,
    private readonly events: LiveEventsService,
  ) {}

  onApplicationBootstrap(): void {
    this.next(POLL_MS);
  }

  /** Takes nothing more. What is not recorded in time another replica looks at when the lease has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    const limit = new Promise<void>((resolve) => setTimeout(resolve, STOP_MS).unref());
    await Promise.race([this.working, limit]);
  }

  private next(waitMs: number): void {
    this.timer = setTimeout(() => {
      this.working = this.work().then((wait) => {
        if (!this.stopped) this.next(wait);
      });
    }, waitMs);
  }

  /** One round; returns how long to wait for the next one. */
  private async work(): Promise<number> {
    try {
      const take = () => takeEffects(this.redis, TAKE_LIMIT);
      const { now, checks } = await this.metrics.storeCall('effect', take);
      const looks = await Promise.allSettled(
        checks.map((check) => this.metrics.storeCall('effect', () => this.look(check, now))),
      );
      const failed = looks.find((look) => look.status === 'rejected');
      if (failed) throw failed.reason;
      this.failures = 0;
      return checks.length === TAKE_LIMIT ? 0 : POLL_MS * (0.5 + Math.random());
    } catch (error) {
      if (this.failures === 0)
        this.logger.warn({ reason: (error as Error).message }, 'effects wait for Redis');
      this.failures += 1;
      return Math.min(FAILURE_MS * 2 ** this.failures, MAX_FAILURE_MS) * (0.5 + Math.random() / 2);
    }
  }

  /** @throws if Redis is away: then it is tried again when the lease has ended */
  private async look(check: EffectCheck, now: number): Promise<void> {
    try {
      const finding = await lookAtEffect(this.redis, check, now, (text) => this.compile(text));
      if (finding === undefined) await dropEffect(this.redis, check);
      else if (await recordEffect(this.redis, check, finding)) this.tell(check, finding);
    } catch (error) {
      if (storeFailure(error) !== undefined) throw error;
      // One command that cannot be looked at must not hold up the others, nor come again for ever.
      this.logger.error({ err: error, command: check.id }, 'the effect of a command cannot be looked at');
      await recordEffect(this.redis, check, { rule: '', outcome: 'unmeasured', evidence: {} });
    }
  }

  private tell({ fleet, device, id }: EffectCheck, { rule, outcome }: EffectFinding): void {
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
    } catch (error) {
      this.logger.warn({ reason: (error as Error).message, expect: text }, 'an effect cannot be understood');
    }
    this.compiled.set(text, expression);
    return expression;
  }
}
