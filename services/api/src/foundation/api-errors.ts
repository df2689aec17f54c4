import type { Logger } from '@lamplighter/service-kit/log/logger';
import { UnexpectedErrors } from '@lamplighter/service-kit/unexpected-errors';
import type { ApiMetrics, ErrorPlace } from '../metrics/api-metrics.js';

/** Unexpected errors of the API. */
export class ApiErrors extends UnexpectedErrors<ErrorPlace> {
  constructor(logger: Logger, metrics: ApiMetrics) {
    super(logger, metrics.unexpectedErrors);
  }
}
