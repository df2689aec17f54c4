import {
  type FleetSettings,
  readFleetSettings,
  writeFleetSettings,
} from '@lamplighter/store/fleets/fleet-settings';
import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { z } from 'zod';
import { Problems, Resource, Responds } from '../openapi/describe.js';
import { type FleetPath, fleetPath } from '../requests/address.js';
import { Needs } from '../rights/needs.js';
import { StoreLink } from '../store/store-link.js';

const publishState = z.boolean().meta({
  description:
    'Whether to publish the last state of each device, retained, on `<fleet>/state/<device>`, at most once per second and device',
});

/** All settings of a fleet. */
const fleetSettingsSchema = z
  .object({ publishState })
  .meta({ id: 'FleetSettings', examples: [{ publishState: true }] });

/** The settings to change. */
const fleetSettingsChange = z
  .strictObject({ publishState: publishState.optional() })
  .refine((settings) => Object.keys(settings).length > 0, {
    path: ['publishState'],
    error: 'must contain at least one setting: "publishState"',
  })
  .meta({ id: 'FleetSettingsChange', examples: [{ publishState: true }] });

@Resource('fleets')
@Controller('v1/fleets/:fleet/settings')
export class FleetSettingsController {
  constructor(private readonly link: StoreLink) {}

  @Get()
  @ApiOperation({ summary: 'Get the settings of a fleet' })
  @Responds(200, fleetSettingsSchema, 'The settings, with defaults for those never set')
  @Problems('invalid-request')
  readFleetSettings(@Param({ schema: fleetPath }) { fleet }: FleetPath): Promise<FleetSettings> {
    return readFleetSettings(this.link.redis, fleet);
  }

  @Needs('devices')
  @Put()
  @ApiOperation({
    summary: 'Change the settings of a fleet',
    description:
      'Omitted settings are not changed. The rules service applies the change within a second; when `publishState` is switched off, ' +
      'it removes the retained states from the broker.',
  })
  @Responds(200, fleetSettingsSchema, 'The settings after the change')
  @Problems(
    'invalid-request',
    'malformed-json',
    'body-too-large',
    'unsupported-media-type',
    'store-not-durable',
    'store-refuses-writes',
    'store-away',
  )
  async changeFleetSettings(
    @Param({ schema: fleetPath }) { fleet }: FleetPath,
    @Body({ schema: fleetSettingsChange }) change: Partial<FleetSettings>,
  ): Promise<FleetSettings> {
    await writeFleetSettings(this.link.durableRedis, fleet, change);
    return readFleetSettings(this.link.redis, fleet);
  }
}
