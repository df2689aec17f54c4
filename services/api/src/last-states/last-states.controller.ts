import type { ServerResponse } from 'node:http';
import type { TelemetrySchema } from '@lamplighter/contracts/telemetry/telemetry-schema';
import { type LastState, readLastStates } from '@lamplighter/store/devices/last-states';
import { readTelemetrySchema } from '@lamplighter/store/telemetry/telemetry-schemas';
import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import type { z } from 'zod';
import { expectFleet } from '../fleets/expect-fleet.js';
import { header, Problems, Resource, Responds } from '../openapi/describe.js';
import { type FleetPath, fleetPath } from '../requests/address.js';
import type { HttpRequest } from '../requests/http-request.js';
import { isoTime } from '../responses/iso-time.js';
import { linkNext } from '../responses/page.js';
import { StoreLink } from '../store/store-link.js';
import { type LastStatesBody, lastStatesQuery, lastStatesSchema } from './last-states.schema.js';

@Resource('devices')
@Controller('v1/fleets/:fleet/last-states')
export class LastStatesController {
  constructor(private readonly link: StoreLink) {}

  @Get()
  @ApiOperation({
    summary: 'List the last states of the devices of a fleet by name, for views of the whole fleet',
    description:
      'Up to 10,000 devices in one response, each with its presence, the age of its last state, its measurements and the number of its ' +
      'pending commands. For the details of a device, get the device.',
  })
  @Responds(200, lastStatesSchema, 'A page of last states', { Link: header('The next page, rel="next"') })
  @Problems('invalid-request', 'no-such-fleet')
  async listLastStates(
    @Param({ schema: fleetPath }) { fleet }: FleetPath,
    @Query({ schema: lastStatesQuery }) { limit, cursor, measurement }: z.infer<typeof lastStatesQuery>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<LastStatesBody> {
    const { redis } = this.link;
    const [{ at, devices, next }, schema] = await Promise.all([
      readLastStates(redis, fleet, { limit, ...(cursor !== undefined && { after: cursor }) }),
      readTelemetrySchema(redis, fleet),
    ]);
    if (devices.length === 0 && cursor === undefined) await expectFleet(redis, fleet, {});
    linkNext(request, response, next);
    const select = selectionOf(measurement);
    return {
      fleet,
      at: isoTime(at),
      ...unitsOf(schema),
      devices: devices.map(select),
      ...(next !== undefined && { next }),
    };
  }
}

function unitsOf(schema: TelemetrySchema | undefined): Pick<LastStatesBody, 'units'> {
  const named = Object.entries(schema?.measurements ?? {}).flatMap(([name, { unit }]) =>
    unit === undefined ? [] : [[name, unit] as const],
  );
  return named.length > 0 ? { units: Object.fromEntries(named) } : {};
}

/** Reduces the measurements of a last state to the selected ones. */
function selectionOf(names: string | string[] | undefined): (state: LastState) => LastState {
  if (names === undefined) return (state) => state;
  const selected = new Set([names].flat());
  return ({ measurements, ...state }) => ({
    ...state,
    ...(measurements && {
      measurements: Object.fromEntries(
        Object.entries(measurements).filter(([name]) => selected.has(name)),
      ) as typeof measurements,
    }),
  });
}
