import { readDevice } from '@lamplighter/store/devices/devices';
import { readDecisions, type StoredDecision } from '@lamplighter/store/edge/edge';
import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { Problems, Resource, Responds } from '../openapi/describe.js';
import { noSuchDevice } from '../problems/not-found.js';
import { type DevicePath, devicePath } from '../requests/address.js';
import { isoTime } from '../responses/iso-time.js';
import { StoreLink } from '../store/store-link.js';
import { type EdgeDecisionsBody, edgeDecisionsSchema } from './edge-decision.schema.js';

@Resource('devices')
@Controller('v1/fleets/:fleet/devices/:device/edge-decisions')
export class EdgeDecisionsController {
  constructor(private readonly link: StoreLink) {}

  @Get()
  @ApiOperation({
    summary:
      "List a device's edge decisions (taken while its link was down), newest first, each with the server's judgement; at most 100",
  })
  @Responds(200, edgeDecisionsSchema, 'The decisions')
  @Problems('invalid-request', 'no-such-device')
  async listEdgeDecisions(@Param({ schema: devicePath }) path: DevicePath): Promise<EdgeDecisionsBody> {
    const { redis } = this.link;
    const [device, { decisions, dropped }] = await Promise.all([
      readDevice(redis, path.fleet, path.device),
      readDecisions(redis, path),
    ]);
    if (device === undefined) throw noSuchDevice(path.fleet, path.device);
    return { ...path, dropped, decisions: decisions.map(decisionBody) };
  }
}

type DecisionBody = EdgeDecisionsBody['decisions'][number];

function decisionBody({ decision, reportedAt, judgement }: StoredDecision): DecisionBody {
  const { id, rule, version, raise, reason, action, status, because, now } = decision;
  return {
    id,
    at: isoTime(now),
    rule,
    version,
    raised: raise,
    reason,
    ...(action && { action: action as DecisionBody['action'] }),
    ...(status && { status }),
    ...(because && { because: because as DecisionBody['because'] }),
    reportedAt: isoTime(reportedAt),
    judgement: judgement?.judgement ?? 'pending',
    ...(judgement && { judgedAt: isoTime(judgement.at) }),
    sentences: [...(judgement?.sentences ?? [])],
    ...(judgement?.tally !== undefined && { tally: judgement.tally as DecisionBody['tally'] }),
  };
}
