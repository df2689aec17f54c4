import type { Logger } from '@lamplighter/service-kit/log/logger';
import { UnexpectedErrors } from '@lamplighter/service-kit/unexpected-errors';
import { Inject, Injectable } from '@nestjs/common';
import { ApiMetrics, type ErrorPlace } from '../metrics/api-metrics.js';
import { LOGGER } from './tokens.js';

/** Unexpected errors of the API. */
@Injectable()
export class ApiErrors extends UnexpectedErrors<ErrorPlace> {
  constructor(@Inject(LOGGER) logger: Logger, metrics: ApiMetrics) {
    super(logger, metrics.unexpectedErrors);
  }
}
