import type { ServerResponse } from 'node:http';
import { ruleSchema } from '@lamplighter/contracts/rule';
import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse } from '@nestjs/swagger';
import { z } from 'zod';
import { Resource } from '../openapi/describe.js';

const RULE_JSON_SCHEMA = JSON.stringify({
  $id: 'urn:lamplighter:schema:rule',
  title: 'Rule',
  description: 'A Lamplighter rule. What a schema cannot say, such as whether an expression is valid, a write is told.',
  ...z.toJSONSchema(ruleSchema, { io: 'input' }),
});

@Resource('rules')
@Controller('v1/schemas')
export class RuleSchemaController {
  @Get('rule')
  @ApiOperation({ summary: 'The JSON Schema (2020-12) of a rule, for editors and checks of your own' })
  @ApiResponse({
    status: 200,
    description: 'The schema',
    content: { 'application/schema+json': { schema: { type: 'object' } } },
  })
  readRuleSchema(@Res() response: ServerResponse): void {
    response.setHeader('content-type', 'application/schema+json');
    response.end(RULE_JSON_SCHEMA);
  }
}
