// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import type { RuleInput } from '@lamplighter/evaluation/rule/rule';

import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import {
  rulePageSchema,
  ruleVersionSchema,
  ruleVersionsSchema,
} from '../../../services/api/src/rules/rule.schema.js';
import { collectEvents } from '../event-stream.js';
import { expectProblem, expectRule, FAN, putRule, rulesOf } from '../rule-requests.js';
import { type ApiResponse, type SharedStack, sharedStack } from '../stack.js';

let stack: SharedStack;
beforeAll(async () => {
  stack = await sharedStack();
}, 60_000);

const put = (fleet: TestFleet, rule: RuleInput, headers?: Record<string, string>) =>
  putRule(stack, fleet, rule, headers);

describe('the rules API', () => {
  it('requires the current version for a change', async () => {
    const fleet = await stack.broker.newFleet();
    const path = `${rulesOf(fleet)}/fan`;
    const created = await put(fleet, FAN, { 'if-none-match': '*' });
    expectRule(created, 201, 1);
    expect(created.headers.get('location')).toBe(path);
    expect(created.body.warnings).toContainEqual({
      pointer: '',
      detail: expect.stringContaining('has ever reported'),
    });
    expectProblem(await put(fleet, FAN, { 'if-none-match': '*' }), 409, 'rule-exists');
    expectProblem(await stack.send('POST', rulesOf(fleet), FAN), 409, 'rule-exists');

    const warmer = { ...FAN, when: 'heat > 40' };
    const unconditional = await put(fleet, warmer);
    expectProblem(unconditional, 428, 'precondition-required');
    expect(unconditional.headers.get('etag')).toBe('"1"');
    expectProblem(await stack.send('DELETE', path), 428, 'precondition-required');
    expectRule(await put(fleet, warmer, { 'if-match': '"1"' }), 200, 2);
    // A repeated request, whose response was lost, changes nothing.
    expectRule(await put(fleet, warmer, { 'if-match': '"1"' }), 200, 2);
    const late = await put(fleet, { ...FAN, when: 'heat > 50' }, { 'if-match': '"1"' });
    expectProblem(late, 412, 'precondition-failed');
    expect(late.headers.get('etag')).toBe('"2"');
    expectProblem(
      await stack.send('DELETE', path, undefined, { 'if-match': '"1"' }),
      412,
      'precondition-failed',
    );
    expectProblem(await put(fleet, FAN, { 'if-match': '2' }), 400, 'invalid-request');
    expectRule(await put(fleet, FAN, { 'if-match': '*' }), 200, 3);
    for (const [step, header] of [
      ['disable', '"2"'],
      ['enable', '"9"'],
    ])
      expectProblem(
        await stack.send('POST', `${path}/${step}`, undefined, { 'if-match': header! }),
        412,
        'precondition-failed',
      );
    expectRule(await stack.send('POST', `${path}/disable`), 200, 4);
    expectRule(await stack.send('POST', `${path}/disable`), 200, 4);

    const unchanged = await stack.send('GET', path, undefined, { 'if-none-match': '"4"' });
    expect([unchanged.status, unchanged.body, unchanged.headers.get('etag')]).toEqual([
      304,
      undefined,
      '"4"',
    ]);
    expectRule(await stack.send('GET', path, undefined, { 'if-none-match': '"3"' }), 200, 4);
    expect((await stack.send('DELETE', path, undefined, { 'if-match': '"4"' })).status).toBe(204);
    expectProblem(await put(fleet, FAN, { 'if-match': '"4"' }), 412, 'precondition-failed');
  });

  it('keeps every version of a rule after its deletion', async () => {
    const fleet = await stack.broker.newFleet();
    const path = `${rulesOf(fleet)}/fan`;
    expectRule(await put(fleet, FAN), 201, 1);
    expectRule(await put(fleet, { ...FAN, when: 'heat > 40' }, { 'if-match': '"1"' }), 200, 2);
    await stack.send('DELETE', path, undefined, { 'if-match': '"2"' });
    expectProblem(await stack.get(path), 404, 'no-such-rule');
    expectRule(await put(fleet, FAN), 201, 4);
    const { body } = await stack.get(`${path}/versions`);
    expect(ruleVersionsSchema.parse(body)).toEqual(body);
    expect(body.versions).toMatchObject([
      { version: 4, deleted: false },
      { version: 3, deleted: true },
      { version: 2, deleted: false },
      { version: 1, deleted: false },
    ]);
    const second = (await stack.get(`${path}/versions/2`)).body;
    expect(ruleVersionSchema.parse(second)).toEqual(second);
    expect(second.rule.when).toBe('heat > 40');
    expectProblem(await stack.get(`${path}/versions/9`), 404, 'no-such-rule-version');
    expectProblem(await stack.get(`${path}/versions/x`), 400, 'invalid-request');
    expectProblem(await stack.get(`${rulesOf(fleet)}/none/versions`), 404, 'no-such-rule');
  });

  it('lists rules page by page', async () => {
    const fleet = await stack.broker.newFleet();
    expectProblem(await stack.get(rulesOf(fleet)), 404, 'no-such-fleet');
    for (const id of ['c', 'a', 'b']) await put(fleet, { ...FAN, id });
    const seen: string[] = [];
    let path: string | undefined = `${rulesOf(fleet)}?limit=2`;
    while (path !== undefined) {
      const { body, headers }: ApiResponse = await stack.get(path);
      expect(rulePageSchema.parse(body)).toEqual(body);
      seen.push(...body.rules.map(({ id }: { id: string }) => id));
      path = /^<(.*)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1];
    }
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it.each<[what: string, change: object, pointer: string]>([
    ['no condition', { when: undefined }, '/when'],
    ['a condition that does not parse', { when: 'heat >' }, '/when'],
    ['a condition that is not boolean', { when: '1 + 1' }, '/when'],
    ['an unknown key', { hodl: '2s' }, '/hodl'],
    ['an action with a protocol key', { then: { _cmd: 1 } }, '/then'],
    ['an invalid duration', { hold: 'soon' }, '/hold'],
    ['an invalid device name in its scope', { scope: { devices: ['no such name'] } }, '/scope/devices'],
    ['an id that differs from the path', { id: 'pump' }, '/id'],
  ])('rejects a rule with %s and points at the field', async (_what, change, pointer) => {
    const response = await stack.send('PUT', '/v1/fleets/demo/rules/fan', { ...FAN, ...change });
    expectProblem(response, 422, 'invalid-rule');
    const pointers = response.body.errors.map(
      (error: { in: string; pointer: string }) => `${error.in} ${error.pointer}`,
    );
    expect(pointers.some((found: string) => found.startsWith(`body ${pointer}`))).toBe(true);
  });

  it.each<[what: string, body: string, status: number, problem: string]>([
    ['invalid JSON', '{"id":', 400, 'malformed-json'],
    ['an array', '[1]', 422, 'invalid-rule'],
    ['null', 'null', 422, 'invalid-rule'],
    ['the key __proto__', '{"id":"fan","__proto__":{}}', 400, 'invalid-request'],
    ['a rule of 100 kB', JSON.stringify({ ...FAN, description: 'x'.repeat(100_000) }), 413, 'body-too-large'],
    [
      'a condition of 10 kB',
      JSON.stringify({ ...FAN, when: `heat > ${'1 + '.repeat(2500)}1` }),
      422,
      'invalid-rule',
    ],
  ])('rejects %s', async (_what, body, status, problem) => {
    expectProblem(await stack.send('POST', '/v1/fleets/demo/rules', body), status, problem);
  });

  it.each([
    ['GET', '/v1/fleets/demo/rules/none', undefined, 'no-such-rule'],
    ['DELETE', '/v1/fleets/demo/rules/none', undefined, 'no-such-rule'],
    ['POST', '/v1/fleets/demo/rules/none/enable', undefined, 'no-such-rule'],
    ['GET', '/v1/fleets/demo/telemetry-schema', undefined, 'no-telemetry-schema'],
    ['DELETE', '/v1/fleets/demo/telemetry-schema', undefined, 'no-telemetry-schema'],
  ])('returns 404 for %s %s', async (method, path, body, problem) => {
    expectProblem(await stack.send(method, path, body), 404, problem);
  });

  it('checks rules against the telemetry schema of the fleet', async () => {
    const fleet = await stack.broker.newFleet();
    const path = `/v1/fleets/${fleet.name}/telemetry-schema`;
    const schema = { measurements: { heat: { type: 'number', unit: '°C' }, fan: { type: 'string' } } };
    expectProblem(await stack.send('PUT', path, schema), 404, 'no-such-fleet');
    expect((await stack.send('PUT', `${path}?allowUnknown=true`, schema)).body).toEqual(schema);
    expect((await stack.get(path)).body).toEqual(schema);
    const misspelt = await put(fleet, { ...FAN, when: 'haet > 30' });
    expectProblem(misspelt, 422, 'invalid-rule');
    expect(misspelt.body.errors).toMatchObject([
      { in: 'body', pointer: '/when', detail: expect.stringContaining("'heat'") },
    ]);
    expectProblem(await put(fleet, { ...FAN, when: 'fan > 30' }), 422, 'invalid-rule');
    expectRule(await put(fleet, FAN), 201, 1);
    expectProblem(
      await stack.send('PUT', path, { measurements: { heat: { type: 'lux' } } }),
      400,
      'invalid-request',
    );
    // A schema that is declared later rejects no existing rule, but lists those that do not fit.
    const late = { measurements: { heat: { type: 'string' } } };
    const misfit = { pointer: '/when', detail: expect.stringContaining("'>' cannot be applied to a string") };
    expect((await stack.send('PUT', path, late)).body).toEqual({
      ...late,
      misfits: [{ rule: 'fan', ...misfit }],
    });
    const rule = `/v1/fleets/${fleet.name}/rules/fan`;
    expect((await stack.get(rule)).body.warnings).toEqual([misfit]);
    expect((await stack.send('POST', `${rule}/disable`)).body).toMatchObject({
      enabled: false,
      warnings: [misfit],
    });
    expect((await stack.send('DELETE', path)).status).toBe(204);
    expectProblem(await stack.get(path), 404, 'no-telemetry-schema');
    expect((await stack.get(rule)).body.warnings).toBeUndefined();
  });

  it('publishes the JSON schema of a rule', async () => {
    const { status, headers, body } = await stack.get('/v1/schemas/rule');
    expect([status, headers.get('content-type')]).toEqual([200, 'application/schema+json']);
    expect(body).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: { when: { type: 'string' } },
      required: ['id', 'then'],
    });
  });

  it('writes an event for each change', async () => {
    const fleet = await stack.broker.newFleet();
    const events = await collectEvents(stack, `type=rule&fleet=${fleet.name}`);
    await put(fleet, FAN);
    await put(fleet, { ...FAN, when: 'heat > 40' }, { 'if-match': '"1"' });
    for (const step of ['disable', 'enable']) await stack.send('POST', `${rulesOf(fleet)}/fan/${step}`);
    await stack.send('DELETE', `${rulesOf(fleet)}/fan`, undefined, { 'if-match': '"4"' });
    await until(() => events.length === 5, { what: 'five events' });
    expect(events).toMatchObject(
      ['created', 'changed', 'disabled', 'enabled', 'deleted'].map((change, i) => ({
        type: 'rule',
        fleet: fleet.name,
        rule: 'fan',
        version: i + 1,
        change,
      })),
    );
  });
});
