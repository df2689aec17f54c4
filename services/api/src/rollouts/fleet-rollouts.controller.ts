import type { ServerResponse } from 'node:http';
import { defaultLane } from '@lamplighter/contracts/commands/command';
import {
  createRollout,
  listRollouts,
  type Rollout,
  readRollout,
  rolloutEvent,
} from '@lamplighter/store/rollouts/rollouts';
import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation } from '@nestjs/swagger';
import type { z } from 'zod';
import { idempotencyKey } from '../commands/idempotency-key.js';
import { EventWriter } from '../events/event-writer.js';
import { expectFleet } from '../fleets/expect-fleet.js';
import { header, Problems, Resource, Responds } from '../openapi/describe.js';
import { Problem, retryAfter } from '../problems/problem.js';
import { type AllowUnknownQuery, allowUnknownQuery, type FleetPath, fleetPath } from '../requests/address.js';
import type { HttpRequest } from '../requests/http-request.js';
import { linkNext } from '../responses/page.js';
import { Needs } from '../rights/needs.js';
import { ActionLanes } from '../rules/action-lanes.js';
import { RuleCheck } from '../rules/rule-check.js';
import { StoreLink } from '../store/store-link.js';
import {
  type RolloutBody,
  type RolloutRequestBody,
  rolloutPageSchema,
  rolloutRequestSchema,
  rolloutSchema,
  rolloutsQuery,
} from './rollout.schema.js';
import { rolloutBody } from './rollout-body.js';
import { checkCondition } from './selector-check.js';

@Resource('rollouts')
@Controller('v1/fleets/:fleet')
export class FleetRolloutsController {
  constructor(
    private readonly link: StoreLink,
    private readonly events: EventWriter,
    private readonly checks: RuleCheck,
    private readonly lanes: ActionLanes,
  ) {}

  @Needs('command')
  @Post('commands')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Send a command to many devices of a fleet',
    description:
      'Starts a rollout: one command for each selected device, at the given rate. The rollout is on disk before the response and ' +
      'continues after restarts; no device gets more than one of its commands. A device that joins the fleet too late for its turn gets none.',
  })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: 'Any text. For a day, a request with the same key returns the rollout of the first one.',
    schema: { type: 'string', maxLength: 255 },
  })
  @Responds(202, rolloutSchema, 'The started rollout', { Location: header('URL of the rollout') })
  @Problems(
    'invalid-request',
    'malformed-json',
    'no-such-fleet',
    'rollout-forgotten',
    'body-too-large',
    'unsupported-media-type',
    'invalid-condition',
    'idempotency-key-reused',
    'too-many-rollouts',
    'store-not-durable',
    'store-refuses-writes',
    'store-away',
  )
  async startRollout(
    @Param({ schema: fleetPath }) { fleet }: FleetPath,
    @Query({ schema: allowUnknownQuery }) query: AllowUnknownQuery,
    @Body({ schema: rolloutRequestSchema }) body: RolloutRequestBody,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<RolloutBody> {
    const redis = this.link.durableRedis;
    const key = idempotencyKey(request.headers);
    checkCondition(body.selector.when, '/selector/when');
    // A rollout for a misspelt fleet would reach no device.
    await expectFleet(redis, fleet, query);
    const result = await createRollout(
      redis,
      fleet,
      {
        ...body,
        lane: body.lane ?? defaultLane(body.action),
        ...(request.apiKey && { key: request.apiKey.id }),
      },
      key === undefined ? undefined : { key, request: JSON.stringify(body) },
    );
    switch (result.outcome) {
      case 'created':
        this.events.append(rolloutEvent(result.rollout));
        return { ...accepted(response, result.rollout), ...(await this.warnings(fleet, body)) };
      case 'repeated': {
        const rollout = await readRollout(redis, result.id);
        if (rollout !== undefined) return accepted(response, rollout);
        throw new Problem('rollout-forgotten', `Rollout ${result.id} has ended and has been pruned.`);
      }
      case 'reused':
        throw new Problem('idempotency-key-reused', 'Use a new Idempotency-Key for a new rollout.');
      case 'full':
        throw new Problem(
          'too-many-rollouts',
          'Too many rollouts still have open commands. Wait for some to finish, or cancel them.',
          {},
          retryAfter(5),
        );
    }
  }

  private async warnings(fleet: string, body: RolloutRequestBody): Promise<Pick<RolloutBody, 'warnings'>> {
    const { when } = body.selector;
    const warnings = [
      ...(when === undefined ? [] : await this.checks.unknownNames(fleet, when, '/selector/when')),
      ...(await this.lanes.warnings(fleet, '*', body)),
    ];
    return warnings.length > 0 ? { warnings } : {};
  }

  @Get('rollouts')
  @ApiOperation({ summary: 'List the rollouts of a fleet, newest first; the last 100 are stored' })
  @Responds(200, rolloutPageSchema, 'A page of rollouts', { Link: header('The next page, rel="next"') })
  @Problems('invalid-request', 'no-such-fleet')
  async listRollouts(
    @Param({ schema: fleetPath }) { fleet }: FleetPath,
    @Query({ schema: rolloutsQuery }) { limit, cursor }: z.infer<typeof rolloutsQuery>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<z.infer<typeof rolloutPageSchema>> {
    const rollouts = await listRollouts(this.link.redis, fleet, {
      limit: limit + 1,
      ...(cursor !== undefined && { before: cursor }),
    });
    if (rollouts.length === 0) await expectFleet(this.link.redis, fleet, {});
    const page = rollouts.slice(0, limit);
    const next = rollouts.length > limit ? page.at(-1)!.id : undefined;
    linkNext(request, response, next);
    return { fleet, rollouts: page.map(rolloutBody), ...(next !== undefined && { next }) };
  }
}

function accepted(response: ServerResponse, rollout: Rollout): RolloutBody {
  response.setHeader('Location', `/v1/rollouts/${rollout.id}`);
  return rolloutBody(rollout);
}
