import { redisNow } from '@lamplighter/store/redis/connect';
import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { z } from 'zod';
import { expectFleet } from '../fleets/expect-fleet.js';
import { Problems, Resource, Responds } from '../openapi/describe.js';
import { type FleetPath, fleetPath } from '../requests/address.js';
import { isoTime, timeSchema } from '../responses/iso-time.js';
import { StoreLink } from '../store/store-link.js';
import { countRuleStates, MAX_COUNTED } from './rule-states.js';
import { tallySchema } from './trace.schema.js';

const count = (description: string) => z.int().min(0).meta({ description });

const ruleStatesSchema = z
  .object({
    fleet: z.string(),
    at: timeSchema('When the states were read'),
    isCut: z.boolean().meta({
      description: `Whether the fleet has more than ${MAX_COUNTED} devices; only the first by name were counted`,
    }),
    rules: z.array(
      z.object({
        rule: z.string(),
        raised: count('Devices on which the rule is raised; of a quorum, 1 if its group is raised'),
        lowered: count('Devices on which it is lowered; of a quorum, 1 if its group is lowered'),
        undecided: count('Devices without a verdict of the current version; of a quorum, 1 if it has none'),
        tally: tallySchema.optional(),
      }),
    ),
  })
  .meta({
    id: 'RuleStates',
    examples: [
      {
        fleet: 'demo',
        at: '2026-11-22T12:00:00.000Z',
        isCut: false,
        rules: [{ rule: 'night-light', raised: 12, lowered: 36, undecided: 2 }],
      },
    ],
  });

@Resource('rules')
@Controller('v1/fleets/:fleet/rule-states')
export class RuleStatesController {
  constructor(private readonly link: StoreLink) {}

  @Get()
  @ApiOperation({
    summary: 'Count the devices on which each enabled rule is raised',
    description: 'By rule. A quorum has one verdict for its group, and the `tally` of its votes.',
  })
  @Responds(200, ruleStatesSchema, 'The counts')
  @Problems('invalid-request', 'no-such-fleet')
  async countRuleStates(
    @Param({ schema: fleetPath }) { fleet }: FleetPath,
  ): Promise<z.infer<typeof ruleStatesSchema>> {
    const { redis } = this.link;
    const at = await redisNow(redis);
    const { counts, isCut } = await countRuleStates(redis, fleet);
    if (counts.length === 0) await expectFleet(redis, fleet, {});
    return {
      fleet,
      at: isoTime(at),
      isCut,
      rules: counts.map(({ tally, ...counted }) => ({
        ...counted,
        ...(tally !== undefined && { tally: { ...tally } as z.infer<typeof tallySchema> }),
      })),
    };
  }
}
