import type { Evidence } from '@lamplighter/evaluation/evaluate/evidence';
import { isGroupEvidence, isTargetEvidence } from '@lamplighter/evaluation/quorum/quorum-evidence';
import { type Command, readCommand } from '@lamplighter/store/commands/read-commands';
import type { Redis } from '@lamplighter/store/redis/connect';
import { readRollout } from '@lamplighter/store/rollouts/rollouts';
import { type RuleVersion, readVersion } from '@lamplighter/store/rules/rule-versions';
import { Controller, Get, Param, Req } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import type { z } from 'zod';
import { commandPath } from '../commands/command.schema.js';
import { commandBody } from '../commands/command-body.js';
import { ApiErrors } from '../foundation/api-errors.js';
import { Problems, Resource, Responds } from '../openapi/describe.js';
import { noSuchCommand } from '../problems/not-found.js';
import type { HttpRequest } from '../requests/http-request.js';
import { isoTime } from '../responses/iso-time.js';
import { ifAllowed } from '../rights/allowed-fleets.js';
import { ChecksFleet } from '../rights/needs.js';
import { groupStateBody, ruleStateBody, tallySchema, traceBody } from '../rules/trace.schema.js';
import { StoreLink } from '../store/store-link.js';
import { explainCommand, type Origin } from './explain-command.js';
import { deliverySteps } from './explain-delivery.js';
import { evidenceIn, type Replayed, replayCommand } from './recorded-evidence.js';
import { type BecauseBody, type WhyBody, whySchema } from './why.schema.js';

@Resource('commands')
@Controller('v1/commands/:id/why')
export class WhyController {
  constructor(
    private readonly link: StoreLink,
    private readonly errors: ApiErrors,
  ) {}

  @ChecksFleet('itself')
  @Get()
  @ApiOperation({
    summary: 'Explain why a command was issued, and what happened to it',
    description:
      "For a rule's command: the version of the rule, the evaluated readings, ages and votes, the result of each clause, and every " +
      'step of the delivery, as fields and as sentences. The recorded evidence is evaluated again by the same version; `replayed` ' +
      'is true if that leads to the same command.',
  })
  @Responds(200, whySchema, 'The explanation')
  @Problems('invalid-request', 'no-such-command')
  async explainCommand(
    @Param({ schema: commandPath }) { id }: z.infer<typeof commandPath>,
    @Req() request: HttpRequest,
  ): Promise<WhyBody> {
    const { redis } = this.link;
    const command = ifAllowed(request, await readCommand(redis, id));
    if (command === undefined) throw noSuchCommand(id);
    const evidence = evidenceIn(command);
    const version = await versionOf(redis, command, evidence);
    const replayed = evidence && replayCommand(command, evidence, version);
    if (replayed?.unexpected !== undefined)
      this.errors.report('why', replayed.unexpected, 'cannot evaluate recorded evidence again', {
        command: id,
      });
    const rollout = command.source === 'rollout' ? await readRollout(redis, command.rollout) : undefined;
    return whyBody(command, { evidence, replayed, rollout }, version);
  }
}

async function versionOf(
  redis: Redis,
  command: Command,
  evidence: Evidence | undefined,
): Promise<RuleVersion | undefined> {
  if (command.source !== 'rule' || evidence === undefined) return undefined;
  return readVersion(redis, command.fleet, command.rule, evidence.version);
}

function whyBody(command: Command, origin: Origin, version: RuleVersion | undefined): WhyBody {
  const { id, fleet, device, action, source, rule, rollout, state, createdAt, effect } = commandBody(command);
  const { evidence, replayed } = origin;
  return {
    id,
    fleet,
    device,
    action,
    source,
    ...(rule !== undefined && { rule }),
    ...(rollout !== undefined && { rollout }),
    state,
    createdAt,
    sentences: explainCommand(command, origin),
    ...(rule !== undefined &&
      evidence !== undefined &&
      replayed !== undefined && { because: becauseBody(rule, evidence, replayed, version) }),
    delivery: deliverySteps(command).map((step) => ({ ...step, at: isoTime(step.at) })),
    ...(effect && { effect }),
  };
}

function becauseBody(
  rule: string,
  evidence: Evidence,
  { replayed, problem, trace }: Replayed,
  version: RuleVersion | undefined,
): BecauseBody {
  const { trigger, now, reading, last, windows, ageMs, heardAt } = evidence;
  const state = ruleStateBody(evidence.state);
  const tally = isGroupEvidence(evidence) ? tallySchema.safeParse(evidence.tally).data : undefined;
  return {
    rule,
    version: evidence.version,
    ...(version !== undefined &&
      'rule' in version && { changedAt: isoTime(version.at), document: version.rule }),
    replayed,
    ...(problem !== undefined && { problem }),
    at: isoTime(now),
    trigger,
    reading: reading as BecauseBody['reading'],
    ...(last !== undefined && { last: last as BecauseBody['reading'] }),
    ...(windows !== undefined && { windows }),
    ageMs,
    ...(heardAt > 0 && { heardAt: isoTime(heardAt) }),
    ...(state !== undefined && { state }),
    ...(isGroupEvidence(evidence) && { group: groupStateBody(evidence.group) }),
    ...(isTargetEvidence(evidence) && { group: groupStateBody(evidence.standing) }),
    ...(tally !== undefined && { tally }),
    ...(trace !== undefined && { trace: traceBody(trace) }),
  };
}
