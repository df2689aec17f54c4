import type { Logger } from '@lamplighter/service-kit/log/logger';
import { UnexpectedErrors } from '@lamplighter/service-kit/unexpected-errors';
import { type ErrorPlace, RulesMetrics } from './metrics.js';

/** Counts and logs unexpected errors of the rules service. */
export class RulesErrors extends UnexpectedErrors<ErrorPlace> {
  constructor(logger: Logger, metrics: RulesMetrics) {
    super(logger, metrics.unexpectedErrors);
  }
}
