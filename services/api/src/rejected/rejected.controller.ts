import { readRejected } from '@lamplighter/store/rejected';
import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import type { z } from 'zod';
import { isoTime } from '../iso-time.js';
import { Answers, Problems, Resource } from '../openapi/describe.js';
import { StoreLink } from '../store/store-link.js';
import { rejectedQuery, rejectedSchema } from './rejected.schema.js';

@Resource('rejected')
@Controller('v1/rejected')
export class RejectedController {
  constructor(@Inject(StoreLink) private readonly link: StoreLink) {}

  @Get()
  @ApiOperation({
    summary: 'A sample of what devices sent and was refused, newest first',
    description: 'The last 200 samples; the metrics count every one.',
  })
  @Answers(200, rejectedSchema, 'The sample')
  @Problems('invalid-request')
  async readRejected(
    @Query({ schema: rejectedQuery }) { limit }: z.infer<typeof rejectedQuery>,
  ): Promise<z.infer<typeof rejectedSchema>> {
    const samples = await readRejected(this.link.redis, limit);
    return {
      rejected: samples.map(({ at, reason, topic, payload }) => ({
        at: isoTime(at),
        reason,
        topic,
        payload,
      })),
    };
  }
}
