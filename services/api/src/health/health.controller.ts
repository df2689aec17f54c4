import type { ServerResponse } from 'node:http';
import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Problems, Responds } from '../openapi/describe.js';
import { Readiness } from './readiness.js';

const liveSchema = z
  .object({ status: z.literal('live') })
  .meta({ id: 'Live', examples: [{ status: 'live' }] });
const readySchema = z
  .object({
    status: z.enum(['ready', 'not ready']),
    reasons: z.array(z.string()).meta({ description: 'Why the service is not ready' }),
  })
  .meta({
    id: 'Ready',
    examples: [
      {
        status: 'not ready',
        reasons: ['Redis has no append-only file: set "appendonly yes"'],
      },
    ],
  });

@ApiTags('operations')
@Controller('health')
export class HealthController {
  constructor(private readonly readiness: Readiness) {}

  @Get('live')
  @ApiOperation({ summary: 'Liveness probe; does not depend on other services' })
  @Responds(200, liveSchema, 'The process is running')
  @Problems('method-not-allowed')
  live(): z.infer<typeof liveSchema> {
    return { status: 'live' };
  }

  @Get('ready')
  @ApiOperation({ summary: 'Readiness probe: whether commands can be accepted, stored and delivered now' })
  @Responds(200, readySchema, 'The service is ready')
  @Responds(503, readySchema, 'The service is not ready; see reasons')
  @Problems('method-not-allowed')
  async ready(@Res({ passthrough: true }) response: ServerResponse): Promise<z.infer<typeof readySchema>> {
    const reasons = await this.readiness.problems();
    if (reasons.length === 0) return { status: 'ready', reasons };
    response.statusCode = 503;
    return { status: 'not ready', reasons };
  }
}
