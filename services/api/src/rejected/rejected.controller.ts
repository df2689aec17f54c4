import { readRejected } from '@lamplighter/store/telemetry/rejected';
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
    summary: 'A sample of what devices sent and was not understood, newest first',
    description:
      'Readings, births, wills, answers, reports of the edge, messages on misspelt topics and connections that the broker closed: which field ' +
      'broke which rule, and how far off it was. The last 200 of each kind, at most ten a second and replica; the metrics ' +
      '`lamplighter_input_rejected_total` and `lamplighter_input_suspicious_total` count every one.',
  })
  @Answers(200, rejectedSchema, 'The sample')
  @Problems('invalid-request')
  async readRejected(
    @Query({ schema: rejectedQuery }) { limit, ...filter }: z.infer<typeof rejectedQuery>,
  ): Promise<z.infer<typeof rejectedSchema>> {
    const samples = await readRejected(this.link.redis, limit, filter);
    return { rejected: samples.map(({ at, ...sample }) => ({ at: isoTime(at), ...sample })) };
  }
}
