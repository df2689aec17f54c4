import type { Counter } from 'prom-client';
import type { Logger } from './log/logger.js';
import { SampledLog } from './log/sampled-log.js';
import type { Metrics } from './metrics.js';

/** Lines per second; an error in a loop must not fill the disk. The counter has every error. */
const LINES_PER_SECOND = 5;

/**
 * Declares `lamplighter_unexpected_errors_total`.
 * @param places every place of the service that reports one
 */
export function unexpectedErrorsCounter(metrics: Metrics, places: readonly string[]): Counter<'where'> {
  return metrics.counter(
    'unexpected_errors_total',
    'Errors other than failures of Redis or of input: bugs. Logged at level ERROR with a stack',
    { where: places },
  );
}

/**
 * Reports errors that the code does not expect. A catch block that handles failures of Redis passes every other error here, so that its
 * loop continues and the bug is seen.
 */
export class UnexpectedErrors<P extends string> {
  private readonly log: SampledLog;

  constructor(
    logger: Logger,
    private readonly counter: Counter<'where'>,
  ) {
    this.log = new SampledLog(logger, 'error', LINES_PER_SECOND);
  }

  /** @param message what failed, and what happens next */
  report(where: P, error: unknown, message: string, fields: object = {}): void {
    this.counter.inc({ where });
    this.log.write({ ...fields, where, err: error }, message);
  }
}
