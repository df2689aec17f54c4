import type { ServerResponse } from 'node:http';
import { countPresence } from '@lamplighter/store/devices';
import { readFleets } from '@lamplighter/store/fleets';
import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import type { z } from 'zod';
import { Answers, header, Problems, Resource } from '../openapi/describe.js';
import { Problem } from '../problems/problem.js';
import { type FleetPath, fleetPath } from '../requests/address.js';
import type { HttpRequest } from '../requests/http-request.js';
import { linkNext } from '../requests/page.js';
import { StoreLink } from '../store/store-link.js';
import { type FleetBody, fleetPageSchema, fleetSchema, fleetsQuery } from './fleet.schema.js';

@Resource('fleets')
@Controller('v1/fleets')
export class FleetsController {
  constructor(@Inject(StoreLink) private readonly link: StoreLink) {}

  @Get()
  @ApiOperation({ summary: 'Fleets by name, with their devices counted by presence' })
  @Answers(200, fleetPageSchema, 'A page of fleets', { Link: header('The following page, rel="next"') })
  @Problems('invalid-request')
  async listFleets(
    @Query({ schema: fleetsQuery }) { limit, cursor }: z.infer<typeof fleetsQuery>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<z.infer<typeof fleetPageSchema>> {
    const page = await readFleets(this.link.redis, { limit, ...(cursor !== undefined && { after: cursor }) });
    linkNext(request, response, page.next);
    return page;
  }

  @Get(':fleet')
  @ApiOperation({ summary: 'One fleet, its devices counted by presence' })
  @Answers(200, fleetSchema, 'The fleet')
  @Problems('invalid-request', 'no-such-fleet')
  async readFleet(@Param({ schema: fleetPath }) { fleet }: FleetPath): Promise<FleetBody> {
    const devices = await countPresence(this.link.redis, fleet);
    if (Object.values(devices).every((count) => count === 0)) throw noSuchFleet(fleet);
    return { fleet, devices };
  }
}

/** Nothing was ever heard of a device of this fleet, and no command waits for one. */
export function noSuchFleet(fleet: string): Problem {
  return new Problem('no-such-fleet', `No device of fleet "${fleet}" was ever heard of. See /v1/fleets.`);
}
