import type { ServerResponse } from 'node:http';
import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Problems } from '../openapi/describe.js';
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
  @Problems('method-not-allowed')
  async readMetrics(@Res() response: ServerResponse): Promise<void> {
    const { registry } = this.metrics;
    response.setHeader('content-type', registry.contentType);
    response.end(await registry.metrics());
  }
}
