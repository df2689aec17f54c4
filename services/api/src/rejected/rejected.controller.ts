import { readRejected } from '@lamplighter/store/rejected/rejected';
import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import type { z } from 'zod';
import { Problems, Resource, Responds } from '../openapi/describe.js';
import { isoTime } from '../responses/iso-time.js';
import { ChecksFleet } from '../rights/needs.js';
import { StoreLink } from '../store/store-link.js';
import { rejectedQuery, rejectedSchema } from './rejected.schema.js';

@Resource('rejected')
@Controller('v1/rejected')
export class RejectedController {
  constructor(private readonly link: StoreLink) {}

  @ChecksFleet('query')
  @Get()
  @ApiOperation({
    summary: 'List a sample of rejected and suspicious input, newest first',
    description:
      'Readings, births, wills, acknowledgements, edge reports, messages on misspelt topics, and connections closed by the broker, each ' +
      'with the invalid field, the violated constraint and the offending value. The last 200 of each kind are stored, at most ten per second ' +
      'and replica; the metrics `lamplighter_input_rejected_total` and `lamplighter_input_suspicious_total` count all of them.',
  })
  @Responds(200, rejectedSchema, 'The sample')
  @Problems('invalid-request')
  async readRejected(
    @Query({ schema: rejectedQuery }) { limit, ...filter }: z.infer<typeof rejectedQuery>,
  ): Promise<z.infer<typeof rejectedSchema>> {
    const samples = await readRejected(this.link.redis, limit, filter);
    return { rejected: samples.map(({ at, ...sample }) => ({ at: isoTime(at), ...sample })) };
  }
}
