import type { RuleState } from '@lamplighter/evaluation/context/rule-state';
import { type CompiledRule, compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { didYouMean } from '@lamplighter/evaluation/suggest';
import { WINDOW_DEPTH } from '@lamplighter/evaluation/window/reading-window';
import { type Command, listCommands } from '@lamplighter/store/commands/read-commands';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { type Device, readDevice } from '@lamplighter/store/devices/devices';
import { readWindows } from '@lamplighter/store/devices/windows';
import { type Redis, redisNow } from '@lamplighter/store/redis/connect';
import { readGroups } from '@lamplighter/store/rules/groups';
import { readRuleStates } from '@lamplighter/store/rules/rule-states';
import { readRule, readRules, readRulesOff, type UnreadableRule } from '@lamplighter/store/rules/rules';
import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import type { z } from 'zod';
import { orderSentences } from '../devices/order-body.js';
import { pastReading } from '../devices/past-reading.js';
import { Problems, Resource, Responds } from '../openapi/describe.js';
import { noSuchDevice } from '../problems/not-found.js';
import { Problem } from '../problems/problem.js';
import { type DevicePath, devicePath } from '../requests/address.js';
import { isoTime } from '../responses/iso-time.js';
import { groupStateBody, ruleStateBody, traceBody } from '../rules/trace.schema.js';
import { StoreLink } from '../store/store-link.js';
import { explainGroupVerdict, explainVerdict, type VerdictSubject } from './explain-verdict.js';
import { evaluateGroupNow, type GroupVerdict } from './group-verdict.js';
import { evaluateNow, type RuleVerdict } from './rule-verdict.js';
import { type WhyNotBody, whyNotQuery, whyNotSchema } from './why-not.schema.js';

/** Commands of the device that are searched for the last one of the rule: all stored ones. */
const COMMANDS = 100;

@Resource('rules')
@Controller('v1/fleets/:fleet/devices/:device/why-not')
export class WhyNotController {
  constructor(private readonly link: StoreLink) {}

  @Get()
  @ApiOperation({
    summary: 'Explain why a rule is not raised on a device, or how long it has been raised',
    description:
      'Evaluates the rule on the last state of the device and the stored rule state, without writing anything. `keptBy` names the ' +
      'clauses that keep the current verdict; `trace` has their values.',
  })
  @Responds(200, whyNotSchema, 'The verdict of the rule on the device')
  @Problems('invalid-request', 'no-such-device', 'no-such-rule')
  async explainRuleVerdict(
    @Param({ schema: devicePath }) { fleet, device }: DevicePath,
    @Query({ schema: whyNotQuery }) { rule: id }: z.infer<typeof whyNotQuery>,
  ): Promise<WhyNotBody> {
    const { redis } = this.link;
    const [known, stored, commands, now, offSince] = await Promise.all([
      readDevice(redis, fleet, device),
      readRule(redis, fleet, id),
      listCommands(redis, fleet, device, { limit: COMMANDS }),
      redisNow(redis),
      readRulesOff(redis, fleet),
    ]);
    if (known === undefined) throw noSuchDevice(fleet, device);
    if (stored === undefined) throw await unknownRule(redis, fleet, id);
    if ('unreadable' in stored) return unreadableBody(known, stored);
    const rule = compileRule(stored.rule, stored.version, stored.since);
    const subject: VerdictSubject = {
      rule: id,
      device,
      now,
      ...(known.last && { last: { receivedAt: known.last.receivedAt, reading: known.last.measurements } }),
      command: commands.find((command) => command.source === 'rule' && command.rule === id),
    };
    if (rule.quorum !== undefined) {
      const { groups } = await readGroups(redis, [{ fleet, rule: id }]);
      const verdict = inFleet(evaluateGroupNow(rule, groups[0]!, device, now), offSince);
      const sentences = [...explainGroupVerdict(verdict, subject), ...orderSentences(known)];
      return { ...body(known, rule, verdict, subject, sentences), ...ofGroup(verdict) };
    }
    const { state, ...evaluation } = await this.evaluate(rule, known, now);
    const verdict = inFleet(evaluation.verdict, offSince);
    const sentences = [...explainVerdict(verdict, subject), ...orderSentences(known)];
    return { ...body(known, rule, verdict, subject, sentences), ...(state !== undefined && { state }) };
  }

  private async evaluate(rule: CompiledRule, { fleet, device, lesson, last }: Device, now: number) {
    const { redis } = this.link;
    const address = new DeviceAddress(fleet, device, lesson);
    const [{ states, announced }, histories] = await Promise.all([
      readRuleStates(redis, fleet, device),
      readWindows(redis, [{ address, depth: WINDOW_DEPTH }]),
    ]);
    // A device that has only sent history has no last state.
    const readings = last === undefined ? [] : histories[0]!.readings;
    const state = ruleStateBody(states[rule.id]) as RuleState | undefined;
    const facts = { address: { fleet, device }, acknowledges: announced, lesson };
    return { verdict: evaluateNow(rule, { facts, readings: readings.map(pastReading), state }, now), state };
  }
}

/** Replaces the outcome while the rules of the fleet are switched off. */
function inFleet<T extends RuleVerdict>(verdict: T, offSince: number | undefined): T {
  return offSince === undefined ? verdict : { ...verdict, outcome: 'rules_off', since: offSince };
}

function body(
  { fleet, device, last }: Device,
  rule: CompiledRule,
  { outcome, since, keptBy, trace, whenNew, between, evaluated }: RuleVerdict,
  { now, command }: VerdictSubject,
  sentences: string[],
): WhyNotBody {
  const { wakeAt } = evaluated;
  const isEvaluated = outcome !== 'out_of_scope' && outcome !== 'rules_off';
  return {
    fleet,
    device,
    rule: rule.id,
    version: rule.version,
    outcome,
    ...(since !== undefined && { since: isoTime(since) }),
    keptBy: isEvaluated ? [...keptBy] : [],
    sentences,
    trace: isEvaluated ? traceBody(trace) : [],
    ...(isEvaluated && whenNew !== undefined && { whenNew: traceBody(whenNew) }),
    ...(isEvaluated && between !== undefined && { between: traceBody(between) }),
    ...(last !== undefined && {
      last: {
        measurements: last.measurements,
        receivedAt: isoTime(last.receivedAt),
        ageMs: Math.max(0, now - last.receivedAt),
      },
    }),
    ...(isEvaluated && wakeAt !== undefined && { lookedAtAgain: isoTime(wakeAt) }),
    ...(command !== undefined && { lastCommand: commandIn(command) }),
  };
}

function commandIn({ id, action, state, createdAt }: Command) {
  return { id, action, state, createdAt: isoTime(createdAt) };
}

function ofGroup({ state, tally, outcome }: GroupVerdict): Partial<WhyNotBody> {
  return outcome === 'out_of_scope'
    ? {}
    : { group: groupStateBody(state), tally: { ...tally } as NonNullable<WhyNotBody['tally']> };
}

function unreadableBody({ fleet, device }: Device, { id, version, unreadable }: UnreadableRule): WhyNotBody {
  const sentences = [
    `the stored record of rule "${id}" is unreadable, so the rule is not evaluated: ${unreadable}`,
  ];
  return { fleet, device, rule: id, version, outcome: 'unreadable', keptBy: [], sentences, trace: [] };
}

async function unknownRule(redis: Redis, fleet: string, id: string): Promise<Problem> {
  const { texts } = await readRules(redis, fleet);
  const meant = didYouMean(id, Object.keys(texts));
  return new Problem(
    'no-such-rule',
    `Fleet "${fleet}" has no rule "${id}"${meant || '.'} GET /v1/fleets/${fleet}/rules lists its rules.`,
  );
}
