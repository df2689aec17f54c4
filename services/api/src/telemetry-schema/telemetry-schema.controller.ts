import {
  type TelemetrySchema,
  telemetrySchemaSchema,
} from '@lamplighter/contracts/telemetry/telemetry-schema';
import {
  deleteTelemetrySchema,
  readTelemetrySchema,
  writeTelemetrySchema,
} from '@lamplighter/store/telemetry/telemetry-schemas';
import { Body, Controller, Delete, Get, HttpCode, Param, Put, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse } from '@nestjs/swagger';
import { z } from 'zod';
import { expectFleet } from '../fleets/expect-fleet.js';
import { Problems, Resource, Responds } from '../openapi/describe.js';
import { Problem } from '../problems/problem.js';
import { type AllowUnknownQuery, allowUnknownQuery, type FleetPath, fleetPath } from '../requests/address.js';
import { Needs } from '../rights/needs.js';
import { remarkSchema } from '../rules/remark.schema.js';
import { RuleCheck } from '../rules/rule-check.js';
import { StoreLink } from '../store/store-link.js';

/** The telemetry schema of a fleet, as the API accepts and returns it. */
export const describedTelemetrySchema = telemetrySchemaSchema.meta({
  id: 'TelemetrySchema',
  description: 'The measurements of a fleet and their types; `unit`, `min` and `max` are informational',
  examples: [
    {
      measurements: { light: { type: 'number', unit: 'lx', min: 0, max: 1023 }, led_on: { type: 'boolean' } },
    },
  ],
});

const declaredSchema = telemetrySchemaSchema
  .extend({
    misfits: z
      .array(remarkSchema.extend({ rule: z.string() }))
      .optional()
      .meta({
        description:
          'Where enabled rules contradict the schema, at most 100; absent if none do. The rules stay in force.',
      }),
  })
  .meta({ id: 'DeclaredTelemetrySchema' });

@Resource('rules')
@Controller('v1/fleets/:fleet/telemetry-schema')
export class TelemetrySchemaController {
  constructor(
    private readonly link: StoreLink,
    private readonly checks: RuleCheck,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Get the telemetry schema of a fleet' })
  @Responds(200, describedTelemetrySchema, 'The schema')
  @Problems('invalid-request', 'no-telemetry-schema')
  async readTelemetrySchema(@Param({ schema: fleetPath }) { fleet }: FleetPath): Promise<TelemetrySchema> {
    const schema = await readTelemetrySchema(this.link.redis, fleet);
    if (schema === undefined) throw noTelemetrySchema(fleet);
    return schema;
  }

  @Needs('rules')
  @Put()
  @ApiOperation({
    summary: 'Set the telemetry schema of a fleet',
    description:
      'Rules are checked against the schema when they are written: unknown names and wrong types are errors. Existing rules stay in ' +
      'force; `misfits` lists where they contradict the schema. Readings with other types are accepted and listed in ' +
      '`GET /v1/rejected` with reason `type`.',
  })
  @Responds(200, declaredSchema, 'The stored schema')
  @Problems(
    'invalid-request',
    'malformed-json',
    'no-such-fleet',
    'body-too-large',
    'unsupported-media-type',
    'store-not-durable',
    'store-refuses-writes',
    'store-away',
  )
  async setTelemetrySchema(
    @Param({ schema: fleetPath }) { fleet }: FleetPath,
    @Query({ schema: allowUnknownQuery }) query: AllowUnknownQuery,
    @Body({ schema: describedTelemetrySchema }) schema: TelemetrySchema,
  ): Promise<z.infer<typeof declaredSchema>> {
    await expectFleet(this.link.redis, fleet, query);
    await writeTelemetrySchema(this.link.durableRedis, fleet, schema);
    const misfits = await this.checks.misfits(fleet, schema);
    return { ...schema, ...(misfits.length > 0 && { misfits: [...misfits] }) };
  }

  @Needs('rules')
  @Delete()
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete the telemetry schema of a fleet' })
  @ApiResponse({ status: 204, description: 'The schema is deleted', content: {} })
  @Problems(
    'invalid-request',
    'no-telemetry-schema',
    'store-not-durable',
    'store-refuses-writes',
    'store-away',
  )
  async removeTelemetrySchema(@Param({ schema: fleetPath }) { fleet }: FleetPath): Promise<void> {
    if (!(await deleteTelemetrySchema(this.link.durableRedis, fleet))) throw noTelemetrySchema(fleet);
  }
}

function noTelemetrySchema(fleet: string): Problem {
  return new Problem(
    'no-telemetry-schema',
    `Fleet "${fleet}" has no telemetry schema. Declare one with PUT.`,
  );
}
