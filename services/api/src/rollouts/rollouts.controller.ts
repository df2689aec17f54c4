import { cancelRollout, readRollout, rolloutEvent } from '@lamplighter/store/rollouts/rollouts';
import { Controller, Delete, Get, Param, Req } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import type { z } from 'zod';
import { EventWriter } from '../events/event-writer.js';
import { Problems, Resource, Responds } from '../openapi/describe.js';
import { noSuchRollout } from '../problems/not-found.js';
import { Problem } from '../problems/problem.js';
import type { HttpRequest } from '../requests/http-request.js';
import { ifAllowed } from '../rights/allowed-fleets.js';
import { ChecksFleet, Needs } from '../rights/needs.js';
import { StoreLink } from '../store/store-link.js';
import { type RolloutBody, rolloutPath, rolloutSchema } from './rollout.schema.js';
import { rolloutBody } from './rollout-body.js';

@Resource('rollouts')
@Controller('v1/rollouts')
export class RolloutsController {
  constructor(
    private readonly link: StoreLink,
    private readonly events: EventWriter,
  ) {}

  @ChecksFleet('itself')
  @Get(':id')
  @ApiOperation({ summary: 'Get a rollout: its progress and the outcomes of its commands' })
  @Responds(200, rolloutSchema, 'The rollout')
  @Problems('invalid-request', 'no-such-rollout')
  async readRollout(
    @Param({ schema: rolloutPath }) { id }: z.infer<typeof rolloutPath>,
    @Req() request: HttpRequest,
  ): Promise<RolloutBody> {
    return rolloutBody(await this.find(id, request));
  }

  @ChecksFleet('itself')
  @Needs('command')
  @Delete(':id')
  @ApiOperation({
    summary: 'Cancel a running rollout',
    description:
      'No further commands are issued after the response. Pending commands are cancelled within about a second; commands already ' +
      'sent to devices end like any other command.',
  })
  @Responds(200, rolloutSchema, 'The cancelled rollout')
  @Problems(
    'invalid-request',
    'no-such-rollout',
    'rollout-not-cancellable',
    'store-refuses-writes',
    'store-not-durable',
    'store-away',
  )
  async cancelRollout(
    @Param({ schema: rolloutPath }) { id }: z.infer<typeof rolloutPath>,
    @Req() request: HttpRequest,
  ): Promise<RolloutBody> {
    await this.find(id, request);
    const { state, isOurs } = await cancelRollout(this.link.durableRedis, id);
    if (state === 'missing') throw noSuchRollout(id);
    if (!isOurs) {
      throw new Problem('rollout-not-cancellable', `Rollout ${id} is already ${state}.`, { state });
    }
    const rollout = await this.find(id, request);
    this.events.append(rolloutEvent(rollout));
    return rolloutBody(rollout);
  }

  private async find(id: string, request: HttpRequest) {
    const rollout = ifAllowed(request, await readRollout(this.link.redis, id));
    if (rollout === undefined) throw noSuchRollout(id);
    return rollout;
  }
}
