import { queryOptions } from '@tanstack/react-query';
import { api, bodyOf, type Schemas } from './client.js';

/** A rule as the user wrote it; the api checks it. */
export type RuleDraft = Schemas['RuleDocument'];

export const ruleQuery = (fleet: string, rule: string) =>
  queryOptions({
    queryKey: ['rule', fleet, rule],
    queryFn: async ({ signal }) =>
      bodyOf(api.GET('/v1/fleets/{fleet}/rules/{rule}', { params: { path: { fleet, rule } }, signal })),
    refetchInterval: 10_000,
  });

export const ruleStatesQuery = (fleet: string) =>
  queryOptions({
    queryKey: ['rule-states', fleet],
    queryFn: async ({ signal }) =>
      bodyOf(api.GET('/v1/fleets/{fleet}/rule-states', { params: { path: { fleet } }, signal })),
    refetchInterval: 5000,
  });

export const ruleVersionsQuery = (fleet: string, rule: string) =>
  queryOptions({
    queryKey: ['rule-versions', fleet, rule],
    queryFn: async ({ signal }) =>
      bodyOf(
        api.GET('/v1/fleets/{fleet}/rules/{rule}/versions', { params: { path: { fleet, rule } }, signal }),
      ),
  });

export const ruleVersionQuery = (fleet: string, rule: string, version: number) =>
  queryOptions({
    queryKey: ['rule-version', fleet, rule, version],
    queryFn: async ({ signal }) =>
      bodyOf(
        api.GET('/v1/fleets/{fleet}/rules/{rule}/versions/{version}', {
          params: { path: { fleet, rule, version: String(version) } },
          signal,
        }),
      ),
    enabled: version > 0,
    staleTime: Number.POSITIVE_INFINITY,
  });

/** The JSON Schema of a rule. */
export const ruleSchemaQuery = queryOptions({
  queryKey: ['rule-schema'],
  queryFn: async ({ signal }) => bodyOf(api.GET('/v1/schemas/rule', { signal })),
  staleTime: Number.POSITIVE_INFINITY,
});

/** What a rule would do with one reading. @throws ApiProblem with the problems in the rule */
export const dryRun = (fleet: string, body: Schemas['DryRunRequest']) =>
  bodyOf(api.POST('/v1/fleets/{fleet}/rules/dry-run', { params: { path: { fleet } }, body }));

/** What a candidate would have done with the recorded readings, compared with the version in force (0: none). */
export const compareRule = (fleet: string, rule: string, body: Schemas['RuleDiffRequest']) =>
  bodyOf(api.POST('/v1/fleets/{fleet}/rules/{rule}/diff', { params: { path: { fleet, rule } }, body }));

/** Writes a version of a rule. @param version the version that it replaces; 0 for a new rule */
export const saveRule = (fleet: string, rule: RuleDraft, version: number, release: boolean) =>
  bodyOf(
    api.PUT('/v1/fleets/{fleet}/rules/{rule}', {
      params: {
        path: { fleet, rule: rule.id },
        query: { ...(release && { release: 'true' as const }) },
        header: version === 0 ? { 'If-None-Match': '*' } : { 'If-Match': `"${version}"` },
      },
      body: rule,
    }),
  );

export const switchRule = (fleet: string, rule: string, isEnabled: boolean) =>
  bodyOf(
    isEnabled
      ? api.POST('/v1/fleets/{fleet}/rules/{rule}/enable', { params: { path: { fleet, rule } } })
      : api.POST('/v1/fleets/{fleet}/rules/{rule}/disable', { params: { path: { fleet, rule } } }),
  );
