import type { ServerResponse } from 'node:http';
import { readRuleErrors } from '@lamplighter/store/rules/rule-errors';
import { listRules, readRule, type StoredRule } from '@lamplighter/store/rules/rules';
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse } from '@nestjs/swagger';
import type { z } from 'zod';
import { expectFleet } from '../fleets/expect-fleet.js';
import { BODY_PROBLEMS, header, Problems, Resource, Responds } from '../openapi/describe.js';
import { noSuchRule } from '../problems/not-found.js';
import { type AllowUnknownQuery, allowUnknownQuery, type FleetPath, fleetPath } from '../requests/address.js';
import type { HttpRequest } from '../requests/http-request.js';
import { linkNext } from '../responses/page.js';
import { Needs } from '../rights/needs.js';
import { StoreLink } from '../store/store-link.js';
import { etagOf, ifMatch, ifNoneMatch, matchesVersion, mustBeNew } from './preconditions.js';
import {
  anyDocument,
  type ReleaseQuery,
  type ReplaceQuery,
  type RuleBody,
  type RulePage,
  type RulePath,
  releaseQuery,
  replaceQuery,
  rulePageSchema,
  rulePath,
  rulesQuery,
  storedRuleSchema,
} from './rule.schema.js';
import { ruleBody } from './rule-body.js';
import { type Remark, RuleCheck } from './rule-check.js';
import { RuleWriter } from './rule-writer.js';

const ETAG = { ETag: header('The version, such as `"3"`') };
const LOCATION = { Location: header('URL of the rule') };
const WRITES = ['store-not-durable', 'store-refuses-writes', 'store-away'] as const;
const LIVE = 'The change takes effect in every replica within a second.';

const precondition = (name: 'If-Match' | 'If-None-Match', description: string) =>
  ApiHeader({ name, required: false, description, schema: { type: 'string', example: '"3"' } });

@Resource('rules')
@Controller('v1/fleets/:fleet/rules')
export class RulesController {
  constructor(
    private readonly link: StoreLink,
    private readonly checks: RuleCheck,
    private readonly writer: RuleWriter,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List the rules of a fleet by id, each with its version and last error' })
  @Responds(200, rulePageSchema, 'A page of rules', { Link: header('The next page, rel="next"') })
  @Problems('invalid-request', 'no-such-fleet')
  async listRules(
    @Param({ schema: fleetPath }) { fleet }: FleetPath,
    @Query({ schema: rulesQuery }) { limit, cursor }: z.infer<typeof rulesQuery>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<RulePage> {
    const { redis } = this.link;
    const { rules, next } = await listRules(redis, fleet, {
      limit,
      ...(cursor !== undefined && { after: cursor }),
    });
    if (rules.length === 0 && cursor === undefined) {
      await expectFleet(redis, fleet, {});
    }
    const errors = await readRuleErrors(
      redis,
      fleet,
      rules.map(({ id }) => id),
    );
    linkNext(request, response, next);
    return {
      fleet,
      rules: rules.map((rule) => ruleBody(fleet, rule, errors.get(rule.id))),
      ...(next !== undefined && { next }),
    };
  }

  @Needs('rules')
  @Post()
  @HttpCode(201)
  @ApiOperation({ summary: 'Add a rule', description: LIVE })
  @Responds(201, storedRuleSchema, 'The rule; its version is 1 unless a rule with this id existed before', {
    ...ETAG,
    ...LOCATION,
  })
  @Problems(...BODY_PROBLEMS, 'no-such-fleet', 'rule-exists', 'too-many-rules', 'invalid-rule', ...WRITES)
  async addRule(
    @Param({ schema: fleetPath }) { fleet }: FleetPath,
    @Query({ schema: allowUnknownQuery }) query: AllowUnknownQuery,
    @Body({ schema: anyDocument }) document: unknown,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<RuleBody> {
    const { rule, warnings } = await this.checks.check(fleet, document);
    await expectFleet(this.link.redis, fleet, query);
    const stored = await this.writer.create(fleet, rule, request.apiKey?.id);
    response.setHeader('Location', `/v1/fleets/${fleet}/rules/${rule.id}`);
    return written(response, fleet, stored, warnings);
  }

  @Get(':rule')
  @ApiOperation({ summary: 'Get a rule' })
  @precondition('If-None-Match', 'A version known to the client; if it is still current, the response is 304')
  @Responds(200, storedRuleSchema, 'The rule', ETAG)
  @ApiResponse({ status: 304, description: 'The rule has not changed', content: {} })
  @Problems('invalid-request', 'no-such-rule')
  async readRule(
    @Param({ schema: rulePath }) { fleet, rule: id }: RulePath,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<RuleBody | undefined> {
    const { redis } = this.link;
    const known = ifNoneMatch(request.headers);
    const [rule, errors] = await Promise.all([
      readRule(redis, fleet, id),
      readRuleErrors(redis, fleet, [id]),
    ]);
    if (rule === undefined) throw noSuchRule(fleet, id);
    response.setHeader('ETag', etagOf(rule.version));
    if (known !== undefined && matchesVersion(known, rule.version)) {
      response.statusCode = 304;
      return undefined;
    }
    return { ...ruleBody(fleet, rule, errors.get(id)), ...warned(await this.checks.remarksOn(fleet, rule)) };
  }

  @Needs('rules')
  @Put(':rule')
  @ApiOperation({
    summary: 'Replace a rule, or add it',
    description:
      `${LIVE} To replace a rule, send the version to replace in \`If-Match\`. A version that evaluates and commands like the ` +
      'previous one (only the description or scope differs) keeps the rule states; any other starts from scratch. docs/rules.md ' +
      'explains what happens to runs and verdicts that the replaced version started.',
  })
  @precondition('If-Match', 'The version to replace; `*` for any')
  @precondition('If-None-Match', '`*` only adds the rule; if it exists, the response is 409 `rule-exists`')
  @Responds(200, storedRuleSchema, 'The replaced rule', ETAG)
  @Responds(201, storedRuleSchema, 'The added rule', { ...ETAG, ...LOCATION })
  @Problems(
    ...BODY_PROBLEMS,
    'no-such-fleet',
    'rule-exists',
    'too-many-rules',
    'precondition-failed',
    'invalid-rule',
    'precondition-required',
    ...WRITES,
  )
  async replaceRule(
    @Param({ schema: rulePath }) { fleet, rule: id }: RulePath,
    @Query({ schema: replaceQuery }) { release, ...query }: ReplaceQuery,
    @Body({ schema: anyDocument }) document: unknown,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<RuleBody> {
    const conditions = {
      versions: ifMatch(request.headers),
      isNew: mustBeNew(request.headers),
      release,
      key: request.apiKey?.id,
    };
    const { rule, warnings } = await this.checks.checkNamed(fleet, id, document);
    await expectFleet(this.link.redis, fleet, query);
    const { stored, isCreated } = await this.writer.put(fleet, rule, conditions);
    if (isCreated) {
      response.statusCode = 201;
      response.setHeader('Location', `/v1/fleets/${fleet}/rules/${id}`);
    }
    return written(response, fleet, stored, warnings);
  }

  @Needs('rules')
  @Delete(':rule')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Delete a rule',
    description:
      'Its versions are kept for 30 days, and a rule added later with the same id continues the version numbers. Commands already issued are still delivered, and runs end at their promised time.',
  })
  @precondition('If-Match', 'The version to delete; `*` for any')
  @ApiResponse({ status: 204, description: 'The rule is deleted', content: {} })
  @Problems('invalid-request', 'no-such-rule', 'precondition-failed', 'precondition-required', ...WRITES)
  async deleteRule(
    @Param({ schema: rulePath }) { fleet, rule }: RulePath,
    @Query({ schema: releaseQuery }) { release }: ReleaseQuery,
    @Req() request: HttpRequest,
  ): Promise<void> {
    await this.writer.delete(fleet, rule, {
      versions: ifMatch(request.headers),
      release,
      key: request.apiKey?.id,
    });
  }

  @Needs('rules')
  @Post(':rule/enable')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Enable a rule',
    description: 'The rule starts from scratch: rule states from before it was disabled are discarded.',
  })
  @precondition('If-Match', 'The version to enable; any if omitted')
  @Responds(200, storedRuleSchema, 'The enabled rule', ETAG)
  @Problems(...BODY_PROBLEMS, 'no-such-rule', 'precondition-failed', 'invalid-rule', ...WRITES)
  enableRule(
    @Param({ schema: rulePath }) path: RulePath,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<RuleBody> {
    return this.switch(path, { enabled: true }, request, response);
  }

  @Needs('rules')
  @Post(':rule/disable')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Disable a rule',
    description:
      'The rule is not evaluated until it is enabled again. Runs that it has started end at their promised time.',
  })
  @precondition('If-Match', 'The version to disable; any if omitted')
  @Responds(200, storedRuleSchema, 'The disabled rule', ETAG)
  @Problems(...BODY_PROBLEMS, 'no-such-rule', 'precondition-failed', 'invalid-rule', ...WRITES)
  disableRule(
    @Param({ schema: rulePath }) path: RulePath,
    @Query({ schema: releaseQuery }) { release }: ReleaseQuery,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<RuleBody> {
    return this.switch(path, { enabled: false, release }, request, response);
  }

  private async switch(
    { fleet, rule }: RulePath,
    { enabled, release = false }: { enabled: boolean; release?: boolean },
    request: HttpRequest,
    response: ServerResponse,
  ): Promise<RuleBody> {
    const stored = await this.writer.enable(fleet, rule, enabled, {
      versions: ifMatch(request.headers),
      release,
      key: request.apiKey?.id,
    });
    return written(response, fleet, stored, await this.checks.remarksOn(fleet, stored));
  }
}

function written(
  response: ServerResponse,
  fleet: string,
  stored: StoredRule,
  warnings: readonly Remark[],
): RuleBody {
  response.setHeader('ETag', etagOf(stored.version));
  return { ...ruleBody(fleet, stored, undefined), ...warned(warnings) };
}

function warned(warnings: readonly Remark[]): Pick<RuleBody, 'warnings'> {
  return warnings.length > 0 ? { warnings: [...warnings] } : {};
}
