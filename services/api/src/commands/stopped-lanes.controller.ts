import { waitingStoppedLanes } from '@lamplighter/store/delivery/stopped-lanes';
import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { z } from 'zod';
import { expectFleet } from '../fleets/expect-fleet.js';
import { Problems, Resource, Responds } from '../openapi/describe.js';
import { type FleetPath, fleetPath } from '../requests/address.js';
import { StoreLink } from '../store/store-link.js';

const stoppedLanesSchema = z
  .object({
    fleet: z.string(),
    lanes: z.array(
      z.object({
        device: z.string(),
        lane: z.string(),
        stoppedBy: z.string().meta({ description: 'The command whose failure stopped the lane' }),
        waiting: z.int().min(1).meta({ description: 'Open commands in the lane' }),
      }),
    ),
  })
  .meta({
    id: 'StoppedLanes',
    examples: [
      {
        fleet: 'demo',
        lanes: [
          { device: 'lamp-0001', lane: 'grabber', stoppedBy: '01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17', waiting: 2 },
        ],
      },
    ],
  });

@Resource('commands')
@Controller('v1/fleets/:fleet/stopped-lanes')
export class StoppedLanesController {
  constructor(private readonly link: StoreLink) {}

  @Get()
  @ApiOperation({
    summary: 'List the stopped lanes of a fleet that have waiting commands',
    description:
      'By device and lane. Lanes without open commands are not listed; the device resource has all stopped lanes of a device.',
  })
  @Responds(200, stoppedLanesSchema, 'The stopped lanes')
  @Problems('invalid-request', 'no-such-fleet')
  async listStoppedLanes(
    @Param({ schema: fleetPath }) { fleet }: FleetPath,
  ): Promise<z.infer<typeof stoppedLanesSchema>> {
    const lanes = await waitingStoppedLanes(this.link.redis, fleet);
    if (lanes.length === 0) await expectFleet(this.link.redis, fleet, {});
    return { fleet, lanes };
  }
}
