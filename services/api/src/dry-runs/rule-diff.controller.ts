import { inScope } from '@lamplighter/contracts/rules/device-scope';
import { type CompiledRule, compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import type { Rule } from '@lamplighter/evaluation/rule/rule';
import { readVersion } from '@lamplighter/store/rules/rule-versions';
import { readRule, type StoredRule } from '@lamplighter/store/rules/rules';
import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { Problems, Resource, Responds } from '../openapi/describe.js';
import { noSuchRule } from '../problems/not-found.js';
import { Problem } from '../problems/problem.js';
import { Needs } from '../rights/needs.js';
import { type RulePath, rulePath } from '../rules/rule.schema.js';
import { type Remark, RuleCheck } from '../rules/rule-check.js';
import { StoreLink } from '../store/store-link.js';
import { compareRules } from './compare-rules.js';
import { fleetRecording, uploadedRecording } from './recording.js';
import {
  type RuleDiffBody,
  type RuleDiffRequest,
  ruleDiffRequestSchema,
  ruleDiffSchema,
} from './rule-diff.schema.js';
import { ruleDiffBody } from './rule-diff-body.js';
import { type RunBudget, RunLimiter } from './run-budget.js';
import { findStartedActions } from './started-actions.js';

@Resource('rules')
@Controller('v1/fleets/:fleet/rules/:rule/diff')
export class RuleDiffController {
  constructor(
    private readonly link: StoreLink,
    private readonly checks: RuleCheck,
    private readonly runs: RunLimiter,
  ) {}

  @Needs('read')
  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Compare a candidate with a rule on recorded readings',
    description:
      'Runs the current rule and the candidate on the same readings: the stored ones of the fleet (240 per device) or those in the ' +
      'request. The response lists the commands that would be added, dropped or moved in time. Readings and timers are evaluated at ' +
      'their own times; both rules start without state, and nothing is re-asserted. `started` shows what would happen to the ' +
      'runs and raised verdicts in progress.',
  })
  @Responds(200, ruleDiffSchema, 'What would change')
  @Problems(
    'invalid-request',
    'malformed-json',
    'no-such-rule',
    'no-such-rule-version',
    'body-too-large',
    'unsupported-media-type',
    'invalid-rule',
    'too-much-work',
    'too-many-runs',
  )
  async diffRule(
    @Param({ schema: rulePath }) { fleet, rule: id }: RulePath,
    @Body({ schema: ruleDiffRequestSchema }) request: RuleDiffRequest,
  ): Promise<RuleDiffBody> {
    const stored = await this.present(fleet, id, request.version);
    const present = stored && compileRule(stored.rule, stored.version, stored.since);
    const { rule, warnings } = await this.candidate(fleet, id, request.candidate);
    const version = present?.version ?? 0;
    // The candidate would be the next version.
    const candidate = rule && compileRule(rule, version + 1, version + 1);
    return this.runs.run(async (budget) => {
      const recording = await this.recording(fleet, request, present, candidate, budget);
      const diff = await compareRules(fleet, present, candidate, recording, budget);
      const source = request.recording === undefined ? 'window' : 'upload';
      const replacement = { rule, release: request.release };
      const isInForce = stored !== undefined && request.version === undefined;
      const started = isInForce
        ? await findStartedActions(this.link.redis, fleet, stored, replacement, budget)
        : undefined;
      return ruleDiffBody({ fleet, rule: id, version, source, recording, warnings, started }, diff);
    });
  }

  /** @throws Problem `no-such-rule`, `no-such-rule-version`, `invalid-rule` if the stored record cannot be read */
  private async present(
    fleet: string,
    id: string,
    version: number | undefined,
  ): Promise<StoredRule | undefined> {
    const { redis } = this.link;
    if (version === 0) return undefined;
    const stored = await (version === undefined
      ? readRule(redis, fleet, id)
      : readVersion(redis, fleet, id, version));
    if (stored === undefined && version === undefined) throw noSuchRule(fleet, id);
    if (stored === undefined || 'deleted' in stored)
      throw new Problem(
        'no-such-rule-version',
        `Version ${version} of rule "${id}" of fleet "${fleet}" does not exist, or has been pruned.`,
      );
    if (!('unreadable' in stored)) return stored;
    const errors = [{ in: 'path' as const, pointer: '/rule', detail: stored.unreadable }];
    throw new Problem('invalid-rule', 'The stored rule is unreadable. Compare with another version.', {
      errors,
    });
  }

  /** The document may omit its id, but not name another rule; null means that the rule is deleted. @throws Problem `invalid-rule` */
  private async candidate(
    fleet: string,
    id: string,
    document: unknown,
  ): Promise<{ rule: Rule | undefined; warnings: readonly Remark[] }> {
    if (document === null) return { rule: undefined, warnings: [] };
    const isObject = typeof document === 'object' && document !== null && !Array.isArray(document);
    const checked = await this.checks.check(fleet, isObject ? { id, ...document } : document, '/candidate');
    if (checked.rule.id === id) return checked;
    const detail = `must be "${id}", as in the path, or omitted`;
    throw new Problem('invalid-rule', 'The rule has 1 error; see errors.', {
      errors: [{ in: 'body', pointer: '/candidate/id', detail }],
    });
  }

  private recording(
    fleet: string,
    { recording, devices }: RuleDiffRequest,
    present: CompiledRule | undefined,
    candidate: CompiledRule | undefined,
    budget: RunBudget,
  ) {
    if (recording !== undefined) return uploadedRecording(recording, devices, budget);
    const isInScope = (device: string) =>
      [present, candidate].some((rule) => rule !== undefined && inScope(rule.scope, device));
    return fleetRecording(this.link.redis, fleet, devices, isInScope, budget);
  }
}
