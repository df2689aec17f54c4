import type { ServerResponse } from 'node:http';
import { type Command, isFinal, listCommands } from '@lamplighter/store/commands/read-commands';
import { readDevice } from '@lamplighter/store/devices/devices';
import {
  Body,
  Controller,
  Get,
  HttpCode,
  Param,
  Post,
  Query,
  Req,
  Res,
  type StreamableFile,
} from '@nestjs/common';
import { ApiHeader, ApiOperation } from '@nestjs/swagger';
import type { z } from 'zod';
import { Exports, header, Problems, Resource, Responds } from '../openapi/describe.js';
import { noSuchDevice } from '../problems/not-found.js';
import { isStoreFailure } from '../problems/store-failure.js';
import {
  type AllowUnknownQuery,
  allowUnknownQuery,
  type DevicePath,
  devicePath,
} from '../requests/address.js';
import type { HttpRequest } from '../requests/http-request.js';
import { exportFormat, inSpan } from '../responses/export.js';
import { linkNext } from '../responses/page.js';
import { Needs } from '../rights/needs.js';
import { ActionLanes } from '../rules/action-lanes.js';
import { StoreLink } from '../store/store-link.js';
import { CommandWaits } from '../waits/command-waits.js';
import { MayWait, PREFERENCE_APPLIED } from '../waits/may-wait.js';
import type { WaitingRequest } from '../waits/waiting-request.js';
import {
  type CommandBody,
  type CommandRequest,
  commandPageSchema,
  commandRequestSchema,
  commandSchema,
  commandsQuery,
} from './command.schema.js';
import { commandBody } from './command-body.js';
import { CommandSender, SEND_PROBLEMS } from './command-sender.js';
import { exportCommands } from './export-commands.js';

/** More than the store keeps per device; a filtered list reads all of them. */
const ALL = 500;
const LOCATION = { Location: header('URL of the command') };

@Resource('commands')
@Controller('v1/fleets/:fleet/devices/:device/commands')
export class DeviceCommandsController {
  constructor(
    private readonly link: StoreLink,
    private readonly sender: CommandSender,
    private readonly waits: CommandWaits,
    private readonly lanes: ActionLanes,
  ) {}

  @Needs('command')
  @Post()
  @HttpCode(202)
  @ApiOperation({
    summary: 'Send a command',
    description:
      'The command is on disk before the response, waits while the device is offline, and ends in exactly one final state. ' +
      'For a device that has never reported, the response is 404 unless you set `allowUnknown`: the command then waits for the device, ' +
      'and the response has `presence` `never_seen`.',
  })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: 'Any text. For a day, a request with the same key returns the command of the first one.',
    schema: { type: 'string', maxLength: 255 },
  })
  @ApiHeader({
    name: 'traceparent',
    required: false,
    description: 'W3C Trace Context, passed on to the device; without a valid one a new trace starts',
    schema: { type: 'string', maxLength: 256 },
  })
  @MayWait('The response is 200 as soon as the command has ended, or 202 after the wait.')
  @Responds(202, commandSchema, 'The accepted command', { ...LOCATION, ...PREFERENCE_APPLIED })
  @Responds(200, commandSchema, 'The command, which ended while the request waited', {
    ...LOCATION,
    ...PREFERENCE_APPLIED,
  })
  @Problems(...SEND_PROBLEMS, 'too-many-waiting')
  async sendCommand(
    @Param({ schema: devicePath }) address: DevicePath,
    @Query({ schema: allowUnknownQuery }) query: AllowUnknownQuery,
    @Body({ schema: commandRequestSchema }) body: CommandRequest,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<CommandBody> {
    const waiting = this.waits.take(request, response);
    const command = await this.sender.send(address, body, request, query);
    response.setHeader('Location', `/v1/commands/${command.id}`);
    const found = await this.lanes.warnings(address.fleet, [address.device], body);
    const warnings = found.length > 0 ? { warnings: found } : {};
    if (waiting === undefined) return { ...commandBody(command), ...warnings };
    const now = await this.awaitEnd(waiting, command);
    response.setHeader('Preference-Applied', waiting.applied);
    if (isFinal(now.state)) response.statusCode = 200;
    return { ...commandBody(now), ...warnings };
  }

  @Get()
  @ApiOperation({
    summary: 'List the commands of a device, newest first; the last 100 are stored',
    description:
      'With `Accept: text/csv` or `application/x-ndjson` the response is an export: all stored commands created between `from` and ' +
      '`to`, one line each, regardless of `limit` and `cursor`.',
  })
  @Exports()
  @Responds(200, commandPageSchema, 'A page of commands', { Link: header('The next page, rel="next"') })
  @Problems('invalid-request', 'no-such-device')
  async listCommands(
    @Param({ schema: devicePath }) { fleet, device }: DevicePath,
    @Query({ schema: commandsQuery }) { limit, cursor, state, ...span }: z.infer<typeof commandsQuery>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<z.infer<typeof commandPageSchema> | StreamableFile> {
    const { redis } = this.link;
    const isWanted = inSpan(span);
    const format = exportFormat(request.headers);
    const readsAll =
      state !== undefined || span.from !== undefined || span.to !== undefined || format !== undefined;
    const [found, commands] = await Promise.all([
      readDevice(redis, fleet, device),
      listCommands(redis, fleet, device, {
        limit: readsAll ? ALL : limit + 1,
        ...(cursor !== undefined && format === undefined && { before: cursor }),
      }),
    ]);
    if (found === undefined) throw noSuchDevice(fleet, device);
    const wanted = commands.filter(
      (command) => (state === undefined || command.state === state) && isWanted(command.createdAt),
    );
    if (format !== undefined) return exportCommands(format, wanted.map(commandBody));
    const page = wanted.slice(0, limit);
    const next = wanted.length > limit ? page.at(-1)!.id : undefined;
    linkNext(request, response, next);
    return {
      fleet,
      device,
      presence: found.presence,
      commands: page.map(commandBody),
      ...(next !== undefined && { next }),
    };
  }

  /** The command after the wait, or as it was accepted if Redis becomes unavailable. */
  private async awaitEnd(waiting: WaitingRequest, command: Command): Promise<Command> {
    try {
      return (await this.waits.waitForEnd(waiting, command.id)) ?? command;
    } catch (error) {
      if (isStoreFailure(error)) return command;
      throw error;
    }
  }
}
