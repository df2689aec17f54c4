import type { DeviceFacts } from '@lamplighter/evaluation/context/evaluation-context';
import type { RuleState } from '@lamplighter/evaluation/context/rule-state';
import { compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type PastReading, ReadingWindow } from '@lamplighter/evaluation/window/reading-window';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { readDevice } from '@lamplighter/store/devices/devices';
import { readWindows } from '@lamplighter/store/devices/windows';
import { redisNow } from '@lamplighter/store/redis/connect';
import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { pastReading } from '../devices/past-reading.js';
import { Problems, Resource, Responds } from '../openapi/describe.js';
import { type FleetPath, fleetPath } from '../requests/address.js';
import { isoTime } from '../responses/iso-time.js';
import { Needs } from '../rights/needs.js';
import { type Remark, RuleCheck } from '../rules/rule-check.js';
import { ruleStateBody, traceBody } from '../rules/trace.schema.js';
import { StoreLink } from '../store/store-link.js';
import { type DryRunResult, dryRun } from './dry-run.js';
import { type DryRunBody, type DryRunRequest, dryRunRequestSchema, dryRunSchema } from './dry-run.schema.js';
import { measurementsOf } from './given-reading.js';

/** The `since` of the rule and of every given state, so that the state counts. */
const SINCE = 1;

@Resource('rules')
@Controller('v1/fleets/:fleet/rules/dry-run')
export class DryRunController {
  constructor(
    private readonly link: StoreLink,
    private readonly checks: RuleCheck,
  ) {}

  @Needs('read')
  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Dry-run a rule on one reading',
    description:
      'The rule need not exist, and nothing is stored or sent. To continue with the next reading, send the `state` of the response.',
  })
  @Responds(200, dryRunSchema, 'What the rule would do')
  @Problems('invalid-request', 'malformed-json', 'body-too-large', 'unsupported-media-type', 'invalid-rule')
  async dryRunRule(
    @Param({ schema: fleetPath }) { fleet }: FleetPath,
    @Body({ schema: dryRunRequestSchema }) request: DryRunRequest,
  ): Promise<DryRunBody> {
    const { rule: document, warnings } = await this.checks.check(fleet, request.rule, '/rule');
    const rule = compileRule(document, 1, SINCE);
    const now = request.at === undefined ? await redisNow(this.link.redis) : Date.parse(request.at);
    const { device, past } = await this.readInputs(fleet, request.device, rule.depth);
    const window = new ReadingWindow(past);
    const last = request.last === undefined ? window.newest?.reading : measurementsOf(request.last);
    const reading = measurementsOf(request.reading);
    const { ageMs } = request;
    window.push({ at: now - ageMs, receivedAt: now, reading });
    const outcome = dryRun(rule, {
      observation: {
        trigger: 'reading',
        reading,
        ageMs,
        heardAt: now,
        window,
        ...(last !== undefined && { last }),
      },
      state: request.state === undefined ? undefined : ({ ...request.state, since: SINCE } as RuleState),
      device,
      now,
    });
    return body(outcome, warnings);
  }

  private async readInputs(
    fleet: string,
    name: string | undefined,
    depth: number,
  ): Promise<{ device: DeviceFacts; past: readonly PastReading[] }> {
    const address = { fleet, device: name ?? '' };
    const known = name === undefined ? undefined : await readDevice(this.link.redis, fleet, name);
    if (known === undefined) return { device: { address, acknowledges: true, lesson: false }, past: [] };
    const store = new DeviceAddress(fleet, known.device, known.lesson);
    const [window] = depth === 0 ? [] : await readWindows(this.link.redis, [{ address: store, depth }]);
    return {
      device: { address, acknowledges: known.session !== undefined, lesson: known.lesson },
      past: (window?.readings ?? []).map(pastReading),
    };
  }
}

function body(outcome: DryRunResult, warnings: readonly Remark[]): DryRunBody {
  const { result, emit, reason, error, wakeAt, state, vote, trace, sentences } = outcome;
  const stateAfter = ruleStateBody(state);
  return {
    result,
    ...(state !== undefined && { raised: state.raised }),
    ...(vote !== undefined && { vote }),
    ...(emit !== undefined && { action: emit, reason: reason! }),
    ...(error !== undefined && { error }),
    sentences: [...sentences],
    trace: traceBody(trace),
    ...(stateAfter !== undefined && { state: stateAfter }),
    ...(wakeAt !== undefined && { lookedAtAgain: isoTime(wakeAt) }),
    ...(warnings.length > 0 && { warnings: [...warnings] }),
  };
}
