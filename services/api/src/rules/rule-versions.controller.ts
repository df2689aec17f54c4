import { listVersions, readVersion } from '@lamplighter/store/rules/rule-versions';
import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import type { z } from 'zod';
import { Problems, Resource, Responds } from '../openapi/describe.js';
import { noSuchRule } from '../problems/not-found.js';
import { Problem } from '../problems/problem.js';
import { StoreLink } from '../store/store-link.js';
import {
  type RulePath,
  type RuleVersionBody,
  rulePath,
  ruleVersionPath,
  ruleVersionSchema,
  ruleVersionsSchema,
} from './rule.schema.js';
import { versionBody } from './rule-body.js';

@Resource('rules')
@Controller('v1/fleets/:fleet/rules/:rule/versions')
export class RuleVersionsController {
  constructor(private readonly link: StoreLink) {}

  @Get()
  @ApiOperation({
    summary: 'List the last 50 versions of a rule, newest first; for a deleted rule, for 30 days',
  })
  @Responds(200, ruleVersionsSchema, 'The versions')
  @Problems('invalid-request', 'no-such-rule')
  async listRuleVersions(
    @Param({ schema: rulePath }) { fleet, rule }: RulePath,
  ): Promise<z.infer<typeof ruleVersionsSchema>> {
    const versions = await listVersions(this.link.redis, fleet, rule);
    if (versions.length === 0) throw noSuchRule(fleet, rule);
    return { fleet, id: rule, versions: versions.map((version) => versionBody(version, { whole: false })) };
  }

  @Get(':version')
  @ApiOperation({ summary: 'Get a version of a rule' })
  @Responds(200, ruleVersionSchema, 'The version')
  @Problems('invalid-request', 'no-such-rule-version')
  async readRuleVersion(
    @Param({ schema: ruleVersionPath }) { fleet, rule, version }: z.infer<typeof ruleVersionPath>,
  ): Promise<RuleVersionBody> {
    const kept = await readVersion(this.link.redis, fleet, rule, version);
    if (kept !== undefined) return versionBody(kept, { whole: true });
    throw new Problem(
      'no-such-rule-version',
      `Version ${version} of rule "${rule}" of fleet "${fleet}" does not exist, or has been pruned.`,
    );
  }
}
