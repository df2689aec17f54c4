import { readRulesOff, switchRules } from '@lamplighter/store/rules/rules';
import { Body, Controller, Get, Param, Put, Query } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { z } from 'zod';
import { EventWriter } from '../events/event-writer.js';
import { expectFleet } from '../fleets/expect-fleet.js';
import { BODY_PROBLEMS, Problems, Resource, Responds } from '../openapi/describe.js';
import { type AllowUnknownQuery, allowUnknownQuery, type FleetPath, fleetPath } from '../requests/address.js';
import { isoTime, timeSchema } from '../responses/iso-time.js';
import { Needs } from '../rights/needs.js';
import { StoreLink } from '../store/store-link.js';

const switchSchema = z
  .strictObject({
    enabled: z.boolean().meta({ description: 'Whether the rules of the fleet are evaluated' }),
    release: z
      .boolean()
      .default(false)
      .meta({
        description:
          'When switching off: `true` immediately sends `else` to devices on which a rule is raised or has started a run. By default ' +
          'devices stay as they are, and runs end at their promised time.',
      }),
  })
  .meta({ id: 'RulesSwitch', examples: [{ enabled: false, release: false }] });

const switchedSchema = z
  .object({
    fleet: z.string(),
    enabled: z.boolean(),
    disabledAt: timeSchema('When they were switched off').optional(),
  })
  .meta({
    id: 'RulesSwitched',
    examples: [{ fleet: 'demo', enabled: false, disabledAt: '2026-11-22T12:00:00.000Z' }],
  });
type Switched = z.infer<typeof switchedSchema>;

/** Switches all rules of a fleet, so that they do not interfere with decisions taken elsewhere. */
@Resource('rules')
@Controller('v1/fleets/:fleet/settings/rules')
export class RulesSwitchController {
  constructor(
    private readonly link: StoreLink,
    private readonly events: EventWriter,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Get whether the rules of a fleet are switched on' })
  @Responds(200, switchedSchema, 'The setting')
  @Problems('invalid-request')
  async readRulesSwitch(@Param({ schema: fleetPath }) { fleet }: FleetPath): Promise<Switched> {
    return switched(fleet, await readRulesOff(this.link.redis, fleet));
  }

  @Needs('rules')
  @Put()
  @ApiOperation({
    summary: 'Switch all rules of a fleet on or off',
    description:
      'The change takes effect in every replica within a second. Rules can still be written. When switched on again, every rule ' +
      'starts from scratch: its first verdict on each device issues a command.',
  })
  @Responds(200, switchedSchema, 'The setting')
  @Problems(...BODY_PROBLEMS, 'no-such-fleet', 'store-not-durable', 'store-refuses-writes', 'store-away')
  async switchRules(
    @Param({ schema: fleetPath }) { fleet }: FleetPath,
    @Query({ schema: allowUnknownQuery }) query: AllowUnknownQuery,
    @Body({ schema: switchSchema }) { enabled, release }: z.infer<typeof switchSchema>,
  ): Promise<Switched> {
    const redis = this.link.durableRedis;
    await expectFleet(redis, fleet, query);
    const hasChanged = await switchRules(redis, fleet, enabled, { release });
    if (hasChanged)
      this.events.append({ type: 'rule', fleet, change: enabled ? 'all_enabled' : 'all_disabled' });
    return switched(fleet, await readRulesOff(redis, fleet));
  }
}

function switched(fleet: string, offSince: number | undefined): Switched {
  const isOn = offSince === undefined;
  return { fleet, enabled: isOn, ...(!isOn && { disabledAt: isoTime(offSince) }) };
}
