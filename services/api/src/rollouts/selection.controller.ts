import type { Selector } from '@lamplighter/contracts/rollouts/rollout';
import { inScope } from '@lamplighter/contracts/rules/device-scope';
import type { Condition } from '@lamplighter/evaluation/rollouts/condition';
import { type LastState, readLastStates } from '@lamplighter/store/devices/last-states';
import { redisNow } from '@lamplighter/store/redis/connect';
import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import type { z } from 'zod';
import { expectFleet } from '../fleets/expect-fleet.js';
import { BODY_PROBLEMS, Problems, Resource, Responds } from '../openapi/describe.js';
import { type FleetPath, fleetPath } from '../requests/address.js';
import { isoTime } from '../responses/iso-time.js';
import { Needs } from '../rights/needs.js';
import { StoreLink } from '../store/store-link.js';
import {
  MAX_EVALUATED,
  type SelectionRequest,
  selectionRequestSchema,
  selectionSchema,
} from './selection.schema.js';
import { checkCondition } from './selector-check.js';

/** Devices per page, so that other requests are served in between. */
const PAGE = 1000;

@Resource('rollouts')
@Controller('v1/fleets/:fleet/selection')
export class SelectionController {
  constructor(private readonly link: StoreLink) {}

  @Needs('read')
  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Preview the devices that a selector matches now',
    description:
      'Changes nothing. A rollout evaluates its selector at the turn of each device, so it can reach others than those listed here.',
  })
  @Responds(200, selectionSchema, 'The matching devices')
  @Problems(...BODY_PROBLEMS, 'no-such-fleet', 'invalid-condition')
  async previewSelection(
    @Param({ schema: fleetPath }) { fleet }: FleetPath,
    @Body({ schema: selectionRequestSchema }) { selector, limit }: SelectionRequest,
  ): Promise<z.infer<typeof selectionSchema>> {
    const { redis } = this.link;
    const condition = checkCondition(selector.when, '/selector/when');
    await expectFleet(redis, fleet, {});
    const at = await redisNow(redis);
    const names: string[] = [];
    let evaluated = 0;
    let next: string | undefined = '';
    while (next !== undefined && evaluated < MAX_EVALUATED) {
      const page: Awaited<ReturnType<typeof readLastStates>> = await readLastStates(redis, fleet, {
        limit: PAGE,
        after: next,
      });
      evaluated += page.devices.length;
      for (const state of page.devices) if (isSelected(selector, condition, state)) names.push(state.device);
      next = page.next;
    }
    return {
      fleet,
      at: isoTime(at),
      evaluated,
      matched: names.length,
      isCut: next !== undefined,
      devices: names.slice(0, limit),
    };
  }
}

function isSelected(
  { devices, presence }: Selector,
  condition: Condition | undefined,
  state: LastState,
): boolean {
  return (
    (devices === undefined || inScope(devices, state.device)) &&
    (presence === undefined || state.presence === presence) &&
    (condition === undefined || condition(state.measurements ?? {}) === true)
  );
}
