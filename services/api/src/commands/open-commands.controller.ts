import type { ServerResponse } from 'node:http';
import { OPEN_STATES } from '@lamplighter/contracts/commands/command';
import { durationMs, durationSchema } from '@lamplighter/contracts/duration';
import { identitySchema } from '@lamplighter/contracts/identity';
import { listOpenCommands, MAX_NAMES_PER_PAGE } from '@lamplighter/store/open-commands/list-open-commands';
import { redisNow } from '@lamplighter/store/redis/connect';
import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { z } from 'zod';
import { expectFleet } from '../fleets/expect-fleet.js';
import { header, Problems, Resource, Responds } from '../openapi/describe.js';
import { Problem } from '../problems/problem.js';
import { type FleetPath, fleetPath } from '../requests/address.js';
import type { HttpRequest } from '../requests/http-request.js';
import { CURSOR, limitSchema, linkNext, nextSchema } from '../responses/page.js';
import { StoreLink } from '../store/store-link.js';
import { commandId, commandSchema } from './command.schema.js';
import { commandBody } from './command-body.js';

const DAYS_30_MS = 30 * 24 * 3_600_000;

const openCommandsQuery = z.strictObject({
  limit: limitSchema,
  cursor: commandId.optional().meta({ description: CURSOR }),
  device: identitySchema.optional().meta({ description: 'Only commands for devices with this name' }),
  state: z.enum(OPEN_STATES).optional().meta({ description: 'Only commands in this state' }),
  source: z
    .enum(['rule', 'api', 'rollout'])
    .optional()
    .meta({ description: 'Only commands from this source' }),
  rule: z.string().optional().meta({ description: 'Only commands emitted by this rule' }),
  olderThan: durationSchema(0, DAYS_30_MS).optional().meta({
    pattern: '^\\d{1,9}(ms|s|m|h|d)$',
    description: 'Only commands created longer ago than this, such as "5m"',
  }),
});
type OpenCommandsQuery = z.infer<typeof openCommandsQuery>;

export const openCommandPageSchema = z
  .object({ commands: z.array(commandSchema), next: nextSchema })
  .meta({ id: 'OpenCommandPage' });
type OpenCommandPage = z.infer<typeof openCommandPageSchema>;

const COST =
  `Open commands are pending, dispatched or acknowledged. A page reads the ids of all open commands of the selected fleet or device ` +
  `(at most ${MAX_NAMES_PER_PAGE}, otherwise the response is 422) and at most 2000 records; with a filter it may be short although more follow.`;
const LINK = { Link: header('The next page, rel="next"') };

@Resource('commands')
@Controller('v1')
export class OpenCommandsController {
  constructor(private readonly link: StoreLink) {}

  @Get('commands')
  @ApiOperation({ summary: 'List open commands of all fleets, oldest first', description: COST })
  @Responds(200, openCommandPageSchema, 'A page of commands', LINK)
  @Problems('invalid-request', 'too-many-commands')
  listOpenCommands(
    @Query({ schema: openCommandsQuery }) query: OpenCommandsQuery,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<OpenCommandPage> {
    return this.list(undefined, query, request, response);
  }

  @Get('fleets/:fleet/commands')
  @ApiOperation({ summary: 'List open commands of a fleet, oldest first', description: COST })
  @Responds(200, openCommandPageSchema, 'A page of commands', LINK)
  @Problems('invalid-request', 'no-such-fleet', 'too-many-commands')
  async listOpenFleetCommands(
    @Param({ schema: fleetPath }) { fleet }: FleetPath,
    @Query({ schema: openCommandsQuery }) query: OpenCommandsQuery,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<OpenCommandPage> {
    await expectFleet(this.link.redis, fleet, {});
    return this.list(fleet, query, request, response);
  }

  private async list(
    fleet: string | undefined,
    { limit, cursor, olderThan, ...filter }: OpenCommandsQuery,
    request: HttpRequest,
    response: ServerResponse,
  ): Promise<OpenCommandPage> {
    const { redis } = this.link;
    const createdBefore = olderThan && (await redisNow(redis)) - durationMs(olderThan)!;
    const page = await listOpenCommands(
      redis,
      { fleet, ...filter, ...(createdBefore && { createdBefore }) },
      { limit, after: cursor },
    );
    if (page === undefined)
      throw new Problem(
        'too-many-commands',
        `More than ${MAX_NAMES_PER_PAGE} commands are open. Narrow the list to one fleet or one device.`,
      );
    linkNext(request, response, page.next);
    return { commands: page.commands.map(commandBody), ...(page.next !== undefined && { next: page.next }) };
  }
}
