import type { ServerResponse } from 'node:http';
import { countPresence } from '@lamplighter/store/devices/devices';
import { isKnownFleet, readFleets } from '@lamplighter/store/fleets/fleets';
import {
  type FleetRemoval,
  readFleetRemoval,
  startFleetRemoval,
} from '@lamplighter/store/removal/remove-fleet';
import { Controller, Delete, Get, HttpCode, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import type { z } from 'zod';
import { EventWriter } from '../events/event-writer.js';
import { BODY_PROBLEMS, header, Problems, Resource, Responds } from '../openapi/describe.js';
import { noSuchFleet } from '../problems/not-found.js';
import { Problem } from '../problems/problem.js';
import { type FleetPath, fleetPath } from '../requests/address.js';
import type { HttpRequest } from '../requests/http-request.js';
import { isoTime } from '../responses/iso-time.js';
import { linkNext } from '../responses/page.js';
import { ChecksFleet, Needs } from '../rights/needs.js';
import { StoreLink } from '../store/store-link.js';
import {
  type FleetBody,
  type FleetRemovalBody,
  fleetPageSchema,
  fleetRemovalSchema,
  fleetSchema,
  fleetsQuery,
} from './fleet.schema.js';

@Resource('fleets')
@Controller('v1/fleets')
export class FleetsController {
  constructor(
    private readonly link: StoreLink,
    private readonly events: EventWriter,
  ) {}

  @ChecksFleet('itself')
  @Get()
  @ApiOperation({ summary: 'List the fleets that the key may use by name, with device counts by presence' })
  @Responds(200, fleetPageSchema, 'A page of fleets', { Link: header('The next page, rel="next"') })
  @Problems('invalid-request')
  async listFleets(
    @Query({ schema: fleetsQuery }) { limit, cursor }: z.infer<typeof fleetsQuery>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<z.infer<typeof fleetPageSchema>> {
    const page = await readFleets(this.link.redis, {
      limit,
      ...(cursor !== undefined && { after: cursor }),
      ...(request.apiKey?.fleets && { only: request.apiKey.fleets }),
    });
    linkNext(request, response, page.next);
    return page;
  }

  @Get(':fleet')
  @ApiOperation({ summary: 'Get a fleet, with device counts by presence' })
  @Responds(200, fleetSchema, 'The fleet')
  @Problems('invalid-request', 'no-such-fleet')
  async readFleet(@Param({ schema: fleetPath }) { fleet }: FleetPath): Promise<FleetBody> {
    const { redis } = this.link;
    if (!(await isKnownFleet(redis, fleet))) throw noSuchFleet(fleet);
    return { fleet, devices: await countPresence(redis, fleet) };
  }

  @Needs('devices')
  @Delete(':fleet')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Remove a fleet: its devices, rules, rollouts and telemetry schema',
    description:
      'The request is on disk before the response. The rules service then removes the devices a few at a time, each like DELETE of a ' +
      'device does, and continues after restarts. The ledger of the fleet stays. Devices that report during the removal are new ' +
      'devices: stop them first. Repeating the request returns the removal in progress.',
  })
  @Responds(202, fleetRemovalSchema, 'The removal, started', {
    Location: header('URL of the removal'),
  })
  @Problems(...BODY_PROBLEMS, 'no-such-fleet', 'store-refuses-writes', 'store-not-durable', 'store-away')
  async removeFleet(
    @Param({ schema: fleetPath }) { fleet }: FleetPath,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<FleetRemovalBody> {
    const redis = this.link.durableRedis;
    const [isKnown, running] = await Promise.all([
      isKnownFleet(redis, fleet),
      readFleetRemoval(redis, fleet),
    ]);
    if (!isKnown && running?.state !== 'running') throw noSuchFleet(fleet);
    const removal = await startFleetRemoval(redis, fleet);
    this.events.append({ type: 'removal', fleet, state: removal.state, removed: removal.removed });
    response.setHeader('Location', `/v1/fleets/${fleet}/removal`);
    return removalBody(removal);
  }

  @Get(':fleet/removal')
  @ApiOperation({ summary: 'Get the progress of a fleet removal; available for a day after it ends' })
  @Responds(200, fleetRemovalSchema, 'The latest removal')
  @Problems('invalid-request', 'no-such-removal')
  async readRemoval(@Param({ schema: fleetPath }) { fleet }: FleetPath): Promise<FleetRemovalBody> {
    const removal = await readFleetRemoval(this.link.redis, fleet);
    if (removal === undefined)
      throw new Problem('no-such-removal', `Fleet "${fleet}" was not removed within the last day.`);
    return removalBody(removal);
  }
}

function removalBody({ fleet, state, removed, startedAt, endedAt }: FleetRemoval): FleetRemovalBody {
  return {
    fleet,
    state,
    removed,
    startedAt: isoTime(startedAt),
    ...(endedAt !== undefined && { endedAt: isoTime(endedAt) }),
  };
}
