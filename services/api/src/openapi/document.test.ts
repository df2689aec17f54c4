import { readFileSync } from 'node:fs';
import { SCOPES, type Scope } from '@lamplighter/store/access/api-key';
import { z } from 'zod';
import { apiKeySchema } from '../access/key.schema.js';
import { commandRequestSchema, commandSchema } from '../commands/command.schema.js';
import { resumedLaneSchema } from '../commands/lanes.controller.js';
import { deviceDetailSchema, deviceSchema, telemetrySchema } from '../devices/device.schema.js';
import { removedDeviceSchema } from '../devices/device-remover.js';
import { settingsSchema } from '../devices/device-settings.js';
import { edgeDecisionsSchema } from '../devices/edge-decision.schema.js';
import { dryRunRequestSchema, dryRunSchema } from '../dry-runs/dry-run.schema.js';
import { ruleDiffRequestSchema, ruleDiffSchema } from '../dry-runs/rule-diff.schema.js';
import { fleetRemovalSchema, fleetSchema } from '../fleets/fleet.schema.js';
import { ledgerSchema } from '../fleets/ledger.schema.js';
import { lastStatesSchema } from '../last-states/last-states.schema.js';
import { numbersSchema } from '../numbers/numbers.schema.js';
import { openApiText } from '../offline-document.js';
import { problemSchema } from '../problems/problem.js';
import { rejectedSchema } from '../rejected/rejected.schema.js';
import { rolloutRequestSchema, rolloutSchema } from '../rollouts/rollout.schema.js';
import { ruleVersionSchema, storedRuleSchema } from '../rules/rule.schema.js';
import { describedTelemetrySchema } from '../telemetry-schema/telemetry-schema.controller.js';
import { whySchema } from '../why/why.schema.js';
import { whyNotSchema } from '../why/why-not.schema.js';
import { BODY_PROBLEMS } from './describe.js';

interface Operation {
  operationId: string;
  summary?: string;
  security?: object[];
  responses: Record<
    string,
    { content?: Record<string, { schema?: object; example?: unknown; examples?: object }> }
  >;
}

const text = await openApiText();
const document = JSON.parse(text) as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
};
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    name: `${method} ${path}`,
    path,
    method,
    operation,
  })),
);

describe('the OpenAPI document', () => {
  it('matches docs/api/openapi.json; after a build, `node services/api/dist/write-document.js` updates the file', () => {
    expect(text).toBe(readFileSync(new URL('../../../../docs/api/openapi.json', import.meta.url), 'utf8'));
  });

  it('contains every endpoint', () => {
    expect(operations.map(({ name }) => name).sort()).toEqual([
      'delete /v1/commands/{id}',
      'delete /v1/fleets/{fleet}',
      'delete /v1/fleets/{fleet}/devices/{device}',
      'delete /v1/fleets/{fleet}/rules/{rule}',
      'delete /v1/fleets/{fleet}/telemetry-schema',
      'delete /v1/keys/{id}',
      'delete /v1/rollouts/{id}',
      'get /health/live',
      'get /health/ready',
      'get /metrics',
      'get /v1/audit',
      'get /v1/commands',
      'get /v1/commands/{id}',
      'get /v1/commands/{id}/why',
      'get /v1/events',
      'get /v1/fleets',
      'get /v1/fleets/{fleet}',
      'get /v1/fleets/{fleet}/accounts',
      'get /v1/fleets/{fleet}/commands',
      'get /v1/fleets/{fleet}/devices',
      'get /v1/fleets/{fleet}/devices/{device}',
      'get /v1/fleets/{fleet}/devices/{device}/account',
      'get /v1/fleets/{fleet}/devices/{device}/commands',
      'get /v1/fleets/{fleet}/devices/{device}/edge-decisions',
      'get /v1/fleets/{fleet}/devices/{device}/telemetry',
      'get /v1/fleets/{fleet}/devices/{device}/why-not',
      'get /v1/fleets/{fleet}/last-states',
      'get /v1/fleets/{fleet}/ledger',
      'get /v1/fleets/{fleet}/removal',
      'get /v1/fleets/{fleet}/rollouts',
      'get /v1/fleets/{fleet}/rule-states',
      'get /v1/fleets/{fleet}/rules',
      'get /v1/fleets/{fleet}/rules/{rule}',
      'get /v1/fleets/{fleet}/rules/{rule}/versions',
      'get /v1/fleets/{fleet}/rules/{rule}/versions/{version}',
      'get /v1/fleets/{fleet}/settings',
      'get /v1/fleets/{fleet}/settings/rules',
      'get /v1/fleets/{fleet}/stopped-lanes',
      'get /v1/fleets/{fleet}/telemetry-schema',
      'get /v1/keys',
      'get /v1/keys/current',
      'get /v1/numbers',
      'get /v1/rejected',
      'get /v1/rollouts/{id}',
      'get /v1/schemas/rule',
      'post /v1/fleets/{fleet}/commands',
      'post /v1/fleets/{fleet}/devices',
      'post /v1/fleets/{fleet}/devices/{device}/account/password',
      'post /v1/fleets/{fleet}/devices/{device}/commands',
      'post /v1/fleets/{fleet}/devices/{device}/lanes/{lane}/resume',
      'post /v1/fleets/{fleet}/rules',
      'post /v1/fleets/{fleet}/rules/dry-run',
      'post /v1/fleets/{fleet}/rules/{rule}/diff',
      'post /v1/fleets/{fleet}/rules/{rule}/disable',
      'post /v1/fleets/{fleet}/rules/{rule}/enable',
      'post /v1/fleets/{fleet}/selection',
      'post /v1/keys',
      'put /v1/fleets/{fleet}/devices/{device}/account',
      'put /v1/fleets/{fleet}/devices/{device}/settings',
      'put /v1/fleets/{fleet}/rules/{rule}',
      'put /v1/fleets/{fleet}/settings',
      'put /v1/fleets/{fleet}/settings/rules',
      'put /v1/fleets/{fleet}/telemetry-schema',
    ]);
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
  });

  it.each(operations)('$name describes its responses and security', ({ path, operation }) => {
    expect(operation.summary).toMatch(/\w/);
    const good = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'));
    expect(good.length).toBeGreaterThan(0);
    for (const { content } of Object.values(operation.responses)) {
      for (const { schema } of Object.values(content ?? {})) expect(schema).toBeDefined();
      expect(content).toBeDefined();
    }
    if (!path.startsWith('/v1')) return;
    const [scope] = (operation.security as { bearer: [Scope] }[])[0]!.bearer;
    expect(SCOPES).toContain(scope);
    expect(operation.security).toEqual([{ bearer: [scope] }, { apiKey: [scope] }]);
    expect(Object.keys(operation.responses)).toEqual(
      expect.arrayContaining(['401', '403', '429', '500', '503']),
    );
  });

  it.each(operations.filter(({ path }) => path.startsWith('/v1')))(
    '$name lists the problems common to all endpoints',
    ({ method, operation }) => {
      const problems = Object.values(operation.responses).flatMap(({ content }) =>
        Object.keys(content?.['application/problem+json']?.examples ?? {}),
      );
      const hasBody = method === 'post' || method === 'put';
      expect(problems).toEqual(
        expect.arrayContaining([
          ...['unauthorized', 'internal-error', 'store-away'],
          ...(hasBody ? BODY_PROBLEMS : []),
        ]),
      );
    },
  );

  it('refers only to defined schemas, without generated names', () => {
    const references = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name);
    expect(references.filter((name) => !(name! in document.components.schemas))).toEqual([]);
    expect(text).not.toContain('__schema');
  });

  it.each<[name: string, schema: z.ZodType]>([
    ['Command', commandSchema],
    ['CommandRequest', commandRequestSchema],
    ['Device', deviceSchema],
    ['DeviceDetail', deviceDetailSchema],
    ['DeviceSettings', settingsSchema],
    ['EdgeDecisions', edgeDecisionsSchema],
    ['ResumedLane', resumedLaneSchema],
    ['LastStates', lastStatesSchema],
    ['Ledger', ledgerSchema],
    ['Numbers', numbersSchema],
    ['Telemetry', telemetrySchema],
    ['ApiKey', apiKeySchema],
    ['Fleet', fleetSchema],
    ['FleetRemoval', fleetRemovalSchema],
    ['RemovedDevice', removedDeviceSchema],
    ['Rejected', rejectedSchema],
    ['Rollout', rolloutSchema],
    ['RolloutRequest', rolloutRequestSchema],
    ['Rule', storedRuleSchema],
    ['RuleVersion', ruleVersionSchema],
    ['TelemetrySchema', describedTelemetrySchema],
    ['Why', whySchema],
    ['WhyNot', whyNotSchema],
    ['DryRun', dryRunSchema],
    ['RuleDiff', ruleDiffSchema],
    ['DryRunRequest', dryRunRequestSchema],
    ['RuleDiffRequest', ruleDiffRequestSchema],
    ['Problem', problemSchema],
  ])('has a valid example of %s', (name, schema) => {
    const { examples } = document.components.schemas[name] as { examples?: unknown[] };
    expect(examples).toHaveLength(1);
    expect(schema.parse(examples![0])).toEqual(examples![0]);
  });
});
