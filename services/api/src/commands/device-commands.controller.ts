import type { ServerResponse } from 'node:http';
import { defaultLane } from '@lamplighter/contracts/command';
import { durationMs } from '@lamplighter/contracts/duration';
import { type Command, enqueueCommand, listCommands, readCommand } from '@lamplighter/store/commands';
import { readDevice } from '@lamplighter/store/devices';
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation } from '@nestjs/swagger';
import type { z } from 'zod';
import { noSuchDevice } from '../devices/devices.controller.js';
import { EventWriter } from '../events/event-writer.js';
import { ApiMetrics } from '../metrics/api-metrics.js';
import { Answers, header, Problems, Resource } from '../openapi/describe.js';
import { Problem, retryAfter } from '../problems/problem.js';
import { type DevicePath, devicePath } from '../requests/address.js';
import type { HttpRequest } from '../requests/http-request.js';
import { linkNext } from '../requests/page.js';
import { StoreLink } from '../store/store-link.js';
import {
  type CommandBody,
  type CommandRequest,
  commandPageSchema,
  commandRequestSchema,
  commandSchema,
  commandsQuery,
} from './command.schema.js';
import { commandBody } from './command-body.js';
import { idempotencyKey } from './idempotency-key.js';

/** The most commands that the store keeps of one device, with room to spare; a filtered list looks at all of them. */
const ALL = 500;

@Resource('commands')
@Controller('v1/fleets/:fleet/devices/:device/commands')
export class DeviceCommandsController {
  constructor(
    @Inject(StoreLink) private readonly link: StoreLink,
    @Inject(ApiMetrics) private readonly metrics: ApiMetrics,
    @Inject(EventWriter) private readonly events: EventWriter,
  ) {}

  @Post()
  @HttpCode(202)
  @ApiOperation({
    summary: 'Send a command',
    description:
      'It is on disk before the answer, waits while the device is away, and ends in exactly one final state. ' +
      'The device need not have been heard of.',
  })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: 'Any text, kept for a day: a repeated request finds the command of the first one',
    schema: { type: 'string', maxLength: 255 },
  })
  @Answers(202, commandSchema, 'The command, taken', { Location: header('The address of the command') })
  @Problems(
    'invalid-request',
    'malformed-json',
    'device-unreachable',
    'fleet-full',
    'command-forgotten',
    'body-too-large',
    'unsupported-media-type',
    'idempotency-key-reused',
    'queue-full',
    'store-not-durable',
    'store-refuses-writes',
    'store-away',
  )
  async sendCommand(
    @Param({ schema: devicePath }) { fleet, device }: DevicePath,
    @Body({ schema: commandRequestSchema }) command: CommandRequest,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<CommandBody> {
    const redis = this.link.durableRedis;
    const { action, policy, lane = defaultLane(action) } = command;
    const key = idempotencyKey(request.headers);
    const result = await enqueueCommand(redis, {
      fleet,
      device,
      lane,
      policy,
      ttl: durationMs(command.ttl)!,
      action,
      ...(key !== undefined && { idempotency: { key, request: JSON.stringify(command) } }),
    });
    switch (result.outcome) {
      case 'enqueued':
        this.tell(fleet, device, result.id, result.superseded);
        return taken(response, result.command);
      case 'repeated': {
        const command = await readCommand(redis, result.id);
        if (command !== undefined) return taken(response, command);
        throw new Problem(
          'command-forgotten',
          `Command ${result.id} has ended and made room for newer ones.`,
        );
      }
      case 'reused':
        throw new Problem('idempotency-key-reused', 'Use a new Idempotency-Key for a new command.');
      case 'full':
        this.metrics.refused.inc({ reason: 'queue_full' });
        throw new Problem(
          'queue-full',
          `Device "${device}" has as many open commands as it may. Wait until some have ended, or cancel them.`,
          {},
          retryAfter(5),
        );
      case 'unreachable':
        this.metrics.refused.inc({ reason: 'unreachable' });
        throw new Problem(
          'device-unreachable',
          `Device "${device}" is not online, and policy "now" does not wait. Use another policy to let the command wait.`,
        );
      case 'fleet_full':
        this.metrics.refused.inc({ reason: 'fleet_full' });
        throw new Problem(
          'fleet-full',
          `Device "${device}" is new, and fleet "${fleet}" has as many devices as it may.`,
        );
    }
  }

  @Get()
  @ApiOperation({ summary: "A device's commands, newest first; the store keeps the last 100" })
  @Answers(200, commandPageSchema, 'A page of commands', { Link: header('The following page, rel="next"') })
  @Problems('invalid-request', 'no-such-device')
  async listCommands(
    @Param({ schema: devicePath }) { fleet, device }: DevicePath,
    @Query({ schema: commandsQuery }) { limit, cursor, state }: z.infer<typeof commandsQuery>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<z.infer<typeof commandPageSchema>> {
    const { redis } = this.link;
    const [found, commands] = await Promise.all([
      readDevice(redis, fleet, device),
      listCommands(redis, fleet, device, {
        limit: state === undefined ? limit + 1 : ALL,
        ...(cursor !== undefined && { before: cursor }),
      }),
    ]);
    if (found === undefined) throw noSuchDevice(fleet, device);
    const wanted = state === undefined ? commands : commands.filter((command) => command.state === state);
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

  private tell(fleet: string, device: string, id: string, superseded: readonly string[]): void {
    this.metrics.commands.inc({ transition: 'pending', source: 'api' });
    this.events.append({ type: 'command', fleet, device, command: id, state: 'pending' });
    for (const earlier of superseded) {
      this.metrics.commands.inc({ transition: 'superseded', source: 'api' });
      this.events.append({ type: 'command', fleet, device, command: earlier, state: 'superseded' });
    }
  }
}

function taken(response: ServerResponse, command: Command): CommandBody {
  response.setHeader('Location', `/v1/commands/${command.id}`);
  return commandBody(command);
}
