import { Controller, Get } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { Resource, Responds } from '../openapi/describe.js';
import { isoTime } from '../responses/iso-time.js';
import { type NumbersBody, numbersSchema, STEP_MS } from './numbers.schema.js';
import { numbersBody } from './numbers-body.js';
import { Prometheus } from './prometheus.js';

@Resource('operations')
@Controller('v1/numbers')
export class NumbersController {
  constructor(private readonly prometheus: Prometheus) {}

  @Get()
  @ApiOperation({
    summary: 'Get the promise numbers of the last 15 minutes, and the alerts',
    description:
      'Across all fleets and replicas, from Prometheus. Without Prometheus the response has no numbers, and `problem` states why.',
  })
  @Responds(200, numbersSchema, 'The numbers')
  async readNumbers(): Promise<NumbersBody> {
    const numbers = await this.prometheus.read();
    if (typeof numbers !== 'string') return numbersBody(numbers);
    return { at: isoTime(Date.now()), stepMs: STEP_MS, numbers: [], problem: numbers };
  }
}
