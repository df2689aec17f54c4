import type { IncomingMessage, ServerResponse } from 'node:http';
import { mayReadMetrics } from '@lamplighter/service-kit/metrics-access';
import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Problems } from '../openapi/describe.js';
import { Problem } from '../problems/problem.js';
import { ApiMetrics } from './api-metrics.js';

@ApiTags('operations')
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: ApiMetrics) {}

  @Get()
  @ApiOperation({ summary: 'Metrics for Prometheus' })
  @ApiResponse({
    status: 200,
    description: 'Prometheus text format',
    content: { 'text/plain': { schema: { type: 'string' }, example: 'lamplighter_sse_clients 2\n' } },
  })
  @Problems('method-not-allowed', 'unauthorized')
  async readMetrics(@Req() request: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    if (!mayReadMetrics(request.headers.authorization))
      throw new Problem(
        'unauthorized',
        'The metrics need the token of METRICS_TOKEN: Authorization: Bearer …',
      );
    const { registry } = this.metrics;
    response.setHeader('content-type', registry.contentType);
    response.end(await registry.metrics());
  }
}
