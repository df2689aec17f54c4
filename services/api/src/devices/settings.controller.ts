import type { ServerResponse } from 'node:http';
import { DEFAULT_ATTEMPTS } from '@lamplighter/contracts/command';
import { durationMs } from '@lamplighter/contracts/duration';
import { setTelemetryInterval } from '@lamplighter/store/settings';
import { Body, Controller, HttpCode, Inject, Param, Put, Res } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { type CommandBody, commandSchema } from '../commands/command.schema.js';
import { commandBody } from '../commands/command-body.js';
import { CommandSender } from '../commands/command-sender.js';
import { Answers, header, Problems, Resource } from '../openapi/describe.js';
import { type DevicePath, devicePath } from '../requests/address.js';
import { StoreLink } from '../store/store-link.js';
import { type DeviceSettings, settingsSchema } from './telemetry-interval.js';

/** The lane of the commands that bring a device its interval. */
const LANE = 'telemetry_interval';
/** A device that is away for longer than this keeps its old interval, and the API shows that. */
const TTL = '7d';

@Resource('devices')
@Controller('v1/fleets/:fleet/devices/:device/settings')
export class SettingsController {
  constructor(
    @Inject(StoreLink) private readonly link: StoreLink,
    @Inject(CommandSender) private readonly sender: CommandSender,
  ) {}

  @Put()
  @HttpCode(202)
  @ApiOperation({
    summary: 'Set how often a device is to measure',
    description:
      `The device is told by a command, \`{"telemetry_interval_ms": …}\` on the lane \`${LANE}\`, which waits for up to ${TTL}; ` +
      'a newer setting supersedes one that still waits. The device resource shows the desired interval beside the measured one.',
  })
  @Answers(202, commandSchema, 'The command that tells the device', {
    Location: header('The address of the command'),
  })
  @Problems(
    'invalid-request',
    'malformed-json',
    'fleet-full',
    'body-too-large',
    'unsupported-media-type',
    'queue-full',
    'store-not-durable',
    'store-refuses-writes',
    'store-away',
  )
  async changeSettings(
    @Param({ schema: devicePath }) address: DevicePath,
    @Body({ schema: settingsSchema }) { telemetryInterval }: DeviceSettings,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<CommandBody> {
    const intervalMs = durationMs(telemetryInterval)!;
    // The command may be refused, so it comes first. If the process dies in between the setting is not shown, but the client
    // has no answer either, and repeats the request.
    const command = await this.sender.send(
      address,
      {
        action: { telemetry_interval_ms: intervalMs },
        policy: 'latest',
        lane: LANE,
        ttl: TTL,
        timeout: '1m',
        attempts: DEFAULT_ATTEMPTS,
      },
      {},
    );
    await setTelemetryInterval(this.link.durableRedis, address.fleet, address.device, intervalMs);
    response.setHeader('Location', `/v1/commands/${command.id}`);
    return commandBody(command);
  }
}
