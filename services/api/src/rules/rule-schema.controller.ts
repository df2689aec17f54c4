import type { ServerResponse } from 'node:http';
import { ruleJsonSchemaText } from '@lamplighter/evaluation/rule/rule-json-schema';
import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse } from '@nestjs/swagger';
import { Resource } from '../openapi/describe.js';
import { ChecksFleet } from '../rights/needs.js';

const TEXT = ruleJsonSchemaText();

@Resource('rules')
@Controller('v1/schemas')
export class RuleSchemaController {
  @ChecksFleet('itself')
  @Get('rule')
  @ApiOperation({ summary: 'Get the JSON Schema (2020-12) of a rule, for editors and validators' })
  @ApiResponse({
    status: 200,
    description: 'The schema',
    content: { 'application/schema+json': { schema: { type: 'object' } } },
  })
  readRuleSchema(@Res() response: ServerResponse): void {
    response.setHeader('content-type', 'application/schema+json');
    response.end(TEXT);
  }
}
