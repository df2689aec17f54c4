import type { ServerResponse } from 'node:http';
import { cancelCommand } from '@lamplighter/store/commands/cancel-command';
import { readCommand } from '@lamplighter/store/commands/read-commands';
import { Controller, Delete, Get, Param, Req, Res } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import type { z } from 'zod';
import { ApiCommandRecorder } from '../command-records/api-command-recorder.js';
import { Problems, Resource, Responds } from '../openapi/describe.js';
import { noSuchCommand } from '../problems/not-found.js';
import { Problem } from '../problems/problem.js';
import type { HttpRequest } from '../requests/http-request.js';
import { ifAllowed } from '../rights/allowed-fleets.js';
import { ChecksFleet, Needs } from '../rights/needs.js';
import { StoreLink } from '../store/store-link.js';
import { CommandWaits } from '../waits/command-waits.js';
import { MayWait, PREFERENCE_APPLIED } from '../waits/may-wait.js';
import { type CommandBody, commandPath, commandSchema } from './command.schema.js';
import { commandBody } from './command-body.js';

@Resource('commands')
@Controller('v1/commands')
export class CommandsController {
  constructor(
    private readonly link: StoreLink,
    private readonly recorder: ApiCommandRecorder,
    private readonly waits: CommandWaits,
  ) {}

  @ChecksFleet('itself')
  @Get(':id')
  @ApiOperation({ summary: 'Get a command with all its transitions' })
  @MayWait('The response is sent as soon as the command has ended, or after the wait.')
  @Responds(200, commandSchema, 'The command', PREFERENCE_APPLIED)
  @Problems('invalid-request', 'no-such-command', 'too-many-waiting', 'store-away')
  async readCommand(
    @Param({ schema: commandPath }) { id }: z.infer<typeof commandPath>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<CommandBody> {
    const waiting = this.waits.take(request, response);
    const found = await this.find(id, request);
    if (waiting === undefined) return commandBody(found);
    const command = await this.waits.waitForEnd(waiting, id);
    if (command === undefined) throw noSuchCommand(id);
    response.setHeader('Preference-Applied', waiting.applied);
    return commandBody(command);
  }

  @ChecksFleet('itself')
  @Needs('command')
  @Delete(':id')
  @ApiOperation({
    summary: 'Cancel a pending command',
    description:
      'It ends as cancelled, or as unknown if it was dispatched before and not acknowledged, since the device may have executed it.',
  })
  @Responds(200, commandSchema, 'The cancelled command')
  @Problems(
    'invalid-request',
    'no-such-command',
    'command-not-cancellable',
    'store-refuses-writes',
    'store-not-durable',
    'store-away',
  )
  async cancelCommand(
    @Param({ schema: commandPath }) { id }: z.infer<typeof commandPath>,
    @Req() request: HttpRequest,
  ): Promise<CommandBody> {
    const redis = this.link.durableRedis;
    const { fleet, device } = await this.find(id, request);
    const { state, isOurs } = await cancelCommand(redis, id);
    if (state === 'missing') throw noSuchCommand(id);
    if (!isOurs) {
      throw new Problem(
        'command-not-cancellable',
        `Command ${id} is ${state}; only a pending command can be cancelled.`,
        { state },
      );
    }
    this.recorder.recordTransition(state, 'api', { id, fleet, device }, { cause: 'api' });
    return commandBody(await this.find(id, request));
  }

  private async find(id: string, request: HttpRequest) {
    const command = ifAllowed(request, await readCommand(this.link.redis, id));
    if (command === undefined) throw noSuchCommand(id);
    return command;
  }
}
