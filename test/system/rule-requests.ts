// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import type { RuleInput } from '@lamplighter/evaluation/rule/rule';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { problemSchema } from '../../services/api/src/problems/problem.js';
import { storedRuleSchema } from '../../services/api/src/rules/rule.schema.js';
import type { ApiResponse, SharedStack } from './stack.js';

/** A rule that does not interfere with the rules that new fleets start with. */
export const FAN = { id: 'fan', when: 'heat > 30', then: { fan: 'fast' }, else: { fan: 'off' } };

/** The path of a fleet's rules. */
export const rulesOf = (fleet: TestFleet) => `/v1/fleets/${fleet.name}/rules`;

/** Writes a rule under its id; the fleet does not need to exist. */
export function putRule(
  stack: SharedStack,
  fleet: TestFleet,
  rule: RuleInput,
  headers: Record<string, string> = {},
): Promise<ApiResponse> {
  return stack.send('PUT', `${rulesOf(fleet)}/${rule.id}?allowUnknown=true`, rule, headers);
}

/** Creates a rule; the fleet does not need to exist. */
export function createRule(stack: SharedStack, fleet: TestFleet, rule: RuleInput): Promise<ApiResponse> {
  return stack.send('POST', `${rulesOf(fleet)}?allowUnknown=true`, rule);
}

/** A new fleet with these rules. */
export async function fleetWith(stack: SharedStack, ...rules: RuleInput[]): Promise<TestFleet> {
  const fleet = await stack.broker.newFleet();
  for (const rule of rules) expectRule(await createRule(stack, fleet, rule), 201, 1);
  return fleet;
}

/** Expects a rule of this version, and returns the time of the response. */
export function expectRule(response: ApiResponse, status: number, version: number): number {
  if (response.status !== status) throw new Error(`${response.status} ${JSON.stringify(response.body)}`);
  expect(storedRuleSchema.parse(response.body)).toEqual(response.body);
  expect(response.body.version).toBe(version);
  expect(response.headers.get('etag')).toBe(`"${version}"`);
  return performance.now();
}

/** Expects a problem with this `type`. */
export function expectProblem(response: ApiResponse, status: number, name: string): void {
  expect(problemSchema.parse(response.body).type).toBe(`urn:lamplighter:problem:${name}`);
  expect(response.status).toBe(status);
}
