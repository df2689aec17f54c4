import { laneSchema } from '@lamplighter/contracts/commands/command';
import { resumeLane } from '@lamplighter/store/delivery/stopped-lanes';
import { readDevice } from '@lamplighter/store/devices/devices';
import { Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { z } from 'zod';
import { BODY_PROBLEMS, Problems, Resource, Responds } from '../openapi/describe.js';
import { noSuchDevice } from '../problems/not-found.js';
import { devicePath } from '../requests/address.js';
import { Needs } from '../rights/needs.js';
import { StoreLink } from '../store/store-link.js';

const lanePath = devicePath.extend({
  lane: laneSchema.meta({ description: 'Lane', examples: ['grabber'] }),
});
type LanePath = z.infer<typeof lanePath>;

export const resumedLaneSchema = z
  .object({
    fleet: z.string(),
    device: z.string(),
    lane: z.string(),
    stoppedBy: z
      .string()
      .optional()
      .meta({ description: 'The command whose failure stopped the lane; absent if it was not stopped' }),
  })
  .meta({
    id: 'ResumedLane',
    examples: [
      { fleet: 'demo', device: 'lamp-0001', lane: 'grabber', stoppedBy: '01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17' },
    ],
  });

@Resource('commands')
@Controller('v1/fleets/:fleet/devices/:device/lanes/:lane')
export class LanesController {
  constructor(private readonly link: StoreLink) {}

  @Needs('command')
  @Post('resume')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Resume a stopped lane',
    description:
      'When a command with `onFailure: stop` fails, its lane stops: later commands stay pending. The device resource lists stopped ' +
      'lanes. Resuming a lane that is not stopped does nothing, so the request can be repeated.',
  })
  @Responds(200, resumedLaneSchema, 'The lane is running')
  @Problems(...BODY_PROBLEMS, 'no-such-device', 'store-refuses-writes', 'store-not-durable', 'store-away')
  async resumeLane(
    @Param({ schema: lanePath }) { fleet, device, lane }: LanePath,
  ): Promise<z.infer<typeof resumedLaneSchema>> {
    const redis = this.link.durableRedis;
    const stoppedBy = await resumeLane(redis, fleet, device, lane);
    if (stoppedBy === undefined && (await readDevice(redis, fleet, device)) === undefined) {
      throw noSuchDevice(fleet, device);
    }
    return { fleet, device, lane, ...(stoppedBy !== undefined && { stoppedBy }) };
  }
}
