import type { Logger } from '@lamplighter/service-kit/log/logger';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { Inject, Injectable } from '@nestjs/common';
import { RulesErrors } from '../rules-errors.js';
import { LOGGER } from '../tokens.js';

/** Logs failed writes of messages: an outage of Redis once per cause, and every other error as unexpected. */
@Injectable()
export class OutageLog {
  /** The cause logged last; undefined while writes succeed. */
  private cause: string | undefined;

  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly unexpected: RulesErrors,
  ) {}

  /** A write failed and is retried. */
  writeFailed(error: Error): void {
    if (storeFailure(error) === undefined) {
      this.unexpected.report('store_write', error, 'cannot write to Redis; retrying');
      return;
    }
    if (error.message === this.cause) return;
    this.cause = error.message;
    this.logger.warn(
      { reason: error.message },
      'Redis is rejecting readings; applying back-pressure to the broker',
    );
  }

  /** A write succeeded, which ends the outage if there is one. */
  writeSucceeded(): void {
    if (this.cause === undefined) return;
    this.cause = undefined;
    this.logger.info('Redis accepts readings again');
  }

  /** A function failed on the input of one device: a bug. The input is dropped, so that the rest of its batch can be stored. */
  inputDropped({ fleet, device }: { fleet: string; device: string }, error: Error): void {
    const message = 'a function failed on the input of a device; dropping its part of the batch';
    this.unexpected.report('store_write', error, message, { fleet, device });
  }
}
