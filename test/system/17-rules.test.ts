// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import type { RuleInput } from '@lamplighter/contracts/rule';
import { connectRedis } from '@lamplighter/store/connect';
import { rulesKey } from '@lamplighter/store/keys';
import type { TestFleet } from '@lamplighter/test-kit/broker';
import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import { closeLater } from '@lamplighter/test-kit/resources';
import { type RestartableService, restartableService } from '@lamplighter/test-kit/restartable-service';
import { until } from '@lamplighter/test-kit/until';
import { problemSchema } from '../../services/api/src/problems/problem.js';
import {
  rulePageSchema,
  ruleVersionSchema,
  ruleVersionsSchema,
  storedRuleSchema,
} from '../../services/api/src/rules/rule.schema.js';
import { type ApiAnswer, type Stack, startStack } from './stack.js';

let stack: Stack;
let replica: RestartableService;
beforeAll(async () => {
  stack = await startStack();
  replica = await restartableService('rules', {
    MQTT_URL: stack.broker.rulesUrl,
    REDIS_URL: stack.redis.url,
  });
  await replica.ready();
}, 60_000);

const LIMIT_MS = 60_000;
const FAN = { id: 'fan', when: 'heat > 30', then: { fan: 'fast' }, else: { fan: 'off' } };

const rulesOf = (fleet: TestFleet) => `/v1/fleets/${fleet.name}/rules`;
const put = (fleet: TestFleet, rule: RuleInput, headers: Record<string, string> = {}) =>
  stack.send('PUT', `${rulesOf(fleet)}/${rule.id}`, rule, headers);

/** Expects a rule of this version, and returns when it was answered. */
function expectRule(answer: ApiAnswer, status: number, version: number): number {
  if (answer.status !== status) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
  expect(storedRuleSchema.parse(answer.body)).toEqual(answer.body);
  expect(answer.body.version).toBe(version);
  expect(answer.headers.get('etag')).toBe(`"${version}"`);
  return performance.now();
}

function expectProblem(answer: ApiAnswer, status: number, name: string): void {
  expect(problemSchema.parse(answer.body).type).toBe(`urn:lamplighter:problem:${name}`);
  expect(answer.status).toBe(status);
}

/** Within this time of the answer a write is in force everywhere. */
const aSecondAfter = (since: number) =>
  until(() => performance.now() - since >= 1000, { what: 'a second', timeoutMs: 2000 });

/** Devices that have not sent anything yet, so that the first reading of each tells what the replica that takes it knows. */
let names = 0;
function newDevices(fleet: TestFleet, count: number): Promise<TestDevice[]> {
  return Promise.all(Array.from({ length: count }, () => connectDevice(fleet, `fan-${++names}`)));
}

/** Every device sends this once; settles when all is stored. Says how many readings each replica took. */
async function sendAll(fleet: TestFleet, devices: readonly TestDevice[], reading: Record<string, unknown>) {
  const before = await taken();
  await Promise.all(devices.map((device) => device.sendReading(reading)));
  await Promise.all(
    devices.map(({ device }) =>
      stack.lastState(fleet, device, (last) =>
        Object.entries(reading).every(([name, value]) => last[name] === value),
      ),
    ),
  );
  const after = await taken();
  return after.map((count, i) => count - before[i]!);
}

/** Readings that each replica has accepted. */
const taken = () => metricOf(/telemetry_messages_total\{result="accepted"\} (\d+)/);

/** A number in the metrics of both replicas. */
const metricOf = (line: RegExp) =>
  Promise.all(
    [stack.rules, replica].map(async ({ url }) =>
      Number(line.exec(await (await fetch(`${url}/metrics`)).text())?.[1]),
    ),
  );

/** Rules that each replica leaves out. */
const unusable = () => metricOf(/rules_unusable (\d+)/);

describe('a rule', () => {
  it(
    'is in force in both replicas a second after it was written, switched, and deleted, without a restart',
    async () => {
      const fleet = await stack.broker.newFleet();
      const [first, second, third, fourth] = await Promise.all([1, 2, 3, 4].map(() => newDevices(fleet, 12)));
      // Both replicas have heard of the fleet, and have its seeds.
      const shares = await sendAll(fleet, await newDevices(fleet, 12), { heat: 1 });
      expect(Math.min(...shares)).toBeGreaterThan(0);

      await aSecondAfter(expectRule(await stack.send('POST', rulesOf(fleet), FAN), 201, 1));
      expect(Math.min(...(await sendAll(fleet, first!, { heat: 31 })))).toBeGreaterThan(0);
      for (const device of first!) expect(await device.nextCommand()).toEqual({ fan: 'fast' });

      await aSecondAfter(expectRule(await stack.send('POST', `${rulesOf(fleet)}/fan/disable`), 200, 2));
      expect(Math.min(...(await sendAll(fleet, second!, { heat: 31 })))).toBeGreaterThan(0);

      await aSecondAfter(expectRule(await stack.send('POST', `${rulesOf(fleet)}/fan/enable`), 200, 3));
      expect(Math.min(...(await sendAll(fleet, third!, { heat: 29 })))).toBeGreaterThan(0);
      for (const device of third!) expect(await device.nextCommand()).toEqual({ fan: 'off' });

      const colder = { ...FAN, when: 'heat > 20' };
      await aSecondAfter(expectRule(await put(fleet, colder, { 'if-match': '"3"' }), 200, 4));
      expect(Math.min(...(await sendAll(fleet, second!, { heat: 29 })))).toBeGreaterThan(0);
      // The first word that these hear: while the rule was off there was none.
      for (const device of second!) {
        expect(await device.nextCommand()).toEqual({ fan: 'fast' });
        expect(device.commands()).toHaveLength(1);
      }

      const deleted = await stack.send('DELETE', `${rulesOf(fleet)}/fan`, undefined, { 'if-match': '"4"' });
      expect(deleted.status).toBe(204);
      await aSecondAfter(performance.now());
      expect(Math.min(...(await sendAll(fleet, fourth!, { heat: 31 })))).toBeGreaterThan(0);
      for (const { device } of fourth!) {
        const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/${device}/commands`);
        expect(body.commands).toEqual([]);
      }
    },
    LIMIT_MS,
  );

  it(
    'that cannot be read or compiled is shown and left out, and the others are in force all the same',
    async () => {
      const fleet = await stack.broker.newFleet();
      expectRule(await stack.send('POST', rulesOf(fleet), FAN), 201, 1);
      const redis = connectRedis(stack.redis.url, 'test');
      closeLater('Redis connection', () => redis.disconnect());
      await until(() => redis.status === 'ready', { what: 'the connection to Redis' });
      const fan = await redis.hget(rulesKey(fleet.name), 'fan');
      const uncompilable = fan!.replace('"fan"', '"no-cel"').replace('heat > 30', 'heat >');
      await redis.hset(rulesKey(fleet.name), 'broken', '{"version":', 'no-cel', uncompilable);
      // Nobody tells of what was written by hand; with the next write it is read.
      expectRule(
        await stack.send('POST', rulesOf(fleet), { ...FAN, id: 'pump', then: { pump: 'on' } }),
        201,
        1,
      );
      const [device] = await newDevices(fleet, 1);
      await device!.sendReading({ heat: 31 });
      expect([await device!.nextCommand(), await device!.nextCommand()]).toEqual(
        expect.arrayContaining([{ fan: 'fast' }, { pump: 'on' }]),
      );
      await until(
        async () => {
          const { body } = await stack.get(rulesOf(fleet));
          expect(rulePageSchema.parse(body)).toEqual(body);
          expect(body.rules).toMatchObject([
            {
              id: 'broken',
              version: 0,
              enabled: false,
              lastError: { message: expect.stringContaining('no rule') },
            },
            { id: 'fan', version: 1, enabled: true },
            {
              id: 'no-cel',
              enabled: true,
              lastError: { message: expect.any(String), at: expect.any(String) },
            },
            { id: 'pump', version: 1, enabled: true },
          ]);
          expect(body.rules[1]).not.toHaveProperty('lastError');
          return true;
        },
        { what: 'the broken rules to be shown' },
      );
      await until(async () => (await unusable()).join() === '2,2', {
        what: 'both replicas to leave them out',
      });
      const mended = await put(fleet, { ...FAN, id: 'broken' }, { 'if-match': '"0"' });
      expectRule(mended, 200, 1);
      expect((await stack.get(`${rulesOf(fleet)}/broken`)).body).not.toHaveProperty('lastError');
    },
    LIMIT_MS,
  );

  it(
    'that fails on a reading is shown with the device until it is mended, and the others judge that reading',
    async () => {
      const fleet = await stack.broker.newFleet();
      const share = { ...FAN, id: 'share', when: '100 / heat > 5', then: { share: 1 }, else: undefined };
      expectRule(await stack.send('POST', rulesOf(fleet), share), 201, 1);
      await aSecondAfter(expectRule(await stack.send('POST', rulesOf(fleet), FAN), 201, 1));
      const [device] = await newDevices(fleet, 1);
      for (let i = 0; i < 3; i += 1) await device!.sendReading({ heat: 0 });
      expect(await device!.nextCommand()).toEqual({ fan: 'off' });
      const read = async () => (await stack.get(`${rulesOf(fleet)}/share`)).body;
      await until(
        async () => {
          // What is judged again, since the other replica was first, fails again.
          const { lastError } = await read();
          expect(lastError).toMatchObject({
            device: device!.device,
            message: expect.stringMatching(/zero/i),
          });
          return lastError.count >= 3;
        },
        { what: 'three errors to be shown' },
      );
      const mended = await put(
        fleet,
        { ...share, when: 'heat > 0 && 100 / heat > 5' },
        { 'if-match': '"1"' },
      );
      expect(mended.body).not.toHaveProperty('lastError');
      await aSecondAfter(expectRule(mended, 200, 2));
      await device!.sendReading({ heat: 10 });
      expect(await device!.nextCommand()).toEqual({ share: 1 });
      expect(await read()).not.toHaveProperty('lastError');
      expect(device!.commands()).toHaveLength(2);
    },
    LIMIT_MS,
  );

  it(
    'with which a fleet began does not come back after it was deleted, and a restart neither forgets nor fires',
    async () => {
      const fleet = await stack.broker.newFleet();
      const [device] = await newDevices(fleet, 1);
      let _seq = 0;
      const send = (reading: object) => device!.sendReading({ ...reading, _seq: ++_seq });
      await send({ light: 10 });
      expect(await device!.nextCommand()).toEqual({ led_on: true });
      const [seed] = (await stack.get(rulesOf(fleet))).body.rules;
      expect(seed).toMatchObject({ id: 'night-light', version: 1, rule: { when: 'light < 300' } });
      const gone = await stack.send('DELETE', `${rulesOf(fleet)}/night-light`, undefined, {
        'if-match': '"1"',
      });
      expect(gone.status).toBe(204);
      await aSecondAfter(expectRule(await put(fleet, { ...FAN, clear: 'heat < 25' }), 201, 1));
      await send({ heat: 31 });
      expect(await device!.nextCommand()).toEqual({ fan: 'fast' });

      await replica.stop();
      await replica.start();
      await replica.ready();
      const before = await taken();
      // Neither on nor off by itself, whoever takes these: 28 is between the limits, and light has no rule any more.
      for (const light of [500, 10, 500, 10, 500, 10]) await send({ heat: 28, light });
      await stack.lastState(fleet, device!.device, () => true);
      await until(async () => (await taken()).every((count, i) => count > before[i]!), {
        what: 'both replicas to have taken some',
      });
      await send({ heat: 24, light: 500 });
      expect(await device!.nextCommand()).toEqual({ fan: 'off' });
      expect(device!.commands()).toHaveLength(3);
      expect((await stack.get(rulesOf(fleet))).body.rules.map(({ id }: { id: string }) => id)).toEqual([
        'fan',
      ]);
    },
    LIMIT_MS,
  );
});

describe('the API of rules', () => {
  it('takes a change only of who knows the present version', async () => {
    const fleet = await stack.broker.newFleet();
    const path = `${rulesOf(fleet)}/fan`;
    const created = await put(fleet, FAN, { 'if-none-match': '*' });
    expectRule(created, 201, 1);
    expect(created.headers.get('location')).toBe(path);
    expect(created.body.warnings).toContainEqual({
      pointer: '',
      detail: expect.stringContaining('ever heard of'),
    });
    expectProblem(await put(fleet, FAN, { 'if-none-match': '*' }), 412, 'precondition-failed');
    expectProblem(await stack.send('POST', rulesOf(fleet), FAN), 409, 'rule-exists');

    const warmer = { ...FAN, when: 'heat > 40' };
    const careless = await put(fleet, warmer);
    expectProblem(careless, 428, 'precondition-required');
    expect(careless.headers.get('etag')).toBe('"1"');
    expectProblem(await stack.send('DELETE', path), 428, 'precondition-required');
    expectRule(await put(fleet, warmer, { 'if-match': '"1"' }), 200, 2);
    // Its answer was lost, so it comes again.
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

  it('keeps every version, also of a rule that was deleted', async () => {
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
      const { body, headers }: ApiAnswer = await stack.get(path);
      expect(rulePageSchema.parse(body)).toEqual(body);
      seen.push(...body.rules.map(({ id }: { id: string }) => id));
      path = /^<(.*)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1];
    }
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it.each<[what: string, change: object, pointer: string]>([
    ['no condition', { when: undefined }, '/when'],
    ['a condition that does not parse', { when: 'heat >' }, '/when'],
    ['a condition that is no condition', { when: '1 + 1' }, '/when'],
    ['an unknown key', { hodl: '2s' }, '/hodl'],
    ['an action with a key of the protocol', { then: { _cmd: 1 } }, '/then'],
    ['a time that is none', { hold: 'soon' }, '/hold'],
    ['a scope that names no device', { scope: { devices: ['no such name'] } }, '/scope/devices'],
    ['another id than the path', { id: 'pump' }, '/id'],
  ])('refuses a rule with %s and points at it', async (_what, change, pointer) => {
    const answer = await stack.send('PUT', '/v1/fleets/demo/rules/fan', { ...FAN, ...change });
    expectProblem(answer, 422, 'invalid-rule');
    const pointers = answer.body.errors.map(
      (error: { in: string; pointer: string }) => `${error.in} ${error.pointer}`,
    );
    expect(pointers.some((found: string) => found.startsWith(`body ${pointer}`))).toBe(true);
  });

  it.each<[what: string, body: string, status: number, problem: string]>([
    ['no JSON', '{"id":', 400, 'malformed-json'],
    ['no object', '[1]', 422, 'invalid-rule'],
    ['null', 'null', 422, 'invalid-rule'],
    ['a key that reaches a prototype', '{"id":"fan","__proto__":{}}', 400, 'invalid-request'],
    ['a rule of 100 kB', JSON.stringify({ ...FAN, description: 'x'.repeat(100_000) }), 413, 'body-too-large'],
    [
      'a condition of 10 kB',
      JSON.stringify({ ...FAN, when: `heat > ${'1 + '.repeat(2500)}1` }),
      422,
      'invalid-rule',
    ],
  ])('refuses %s', async (_what, body, status, problem) => {
    expectProblem(await stack.send('POST', '/v1/fleets/demo/rules', body), status, problem);
  });

  it.each([
    ['GET', '/v1/fleets/demo/rules/none', undefined, 'no-such-rule'],
    ['DELETE', '/v1/fleets/demo/rules/none', undefined, 'no-such-rule'],
    ['POST', '/v1/fleets/demo/rules/none/enable', undefined, 'no-such-rule'],
    ['GET', '/v1/fleets/demo/telemetry-schema', undefined, 'no-telemetry-schema'],
    ['DELETE', '/v1/fleets/demo/telemetry-schema', undefined, 'no-telemetry-schema'],
  ])('answers 404 to %s %s', async (method, path, body, problem) => {
    expectProblem(await stack.send(method, path, body), 404, problem);
  });

  it('checks rules against what the fleet has declared', async () => {
    const fleet = await stack.broker.newFleet();
    const path = `/v1/fleets/${fleet.name}/telemetry-schema`;
    const schema = { measurements: { heat: { type: 'number', unit: '°C' }, fan: { type: 'string' } } };
    expect((await stack.send('PUT', path, schema)).body).toEqual(schema);
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
    expect((await stack.send('DELETE', path)).status).toBe(204);
    expectProblem(await stack.get(path), 404, 'no-telemetry-schema');
  });

  it('publishes the schema of a rule', async () => {
    const { status, headers, body } = await stack.get('/v1/schemas/rule');
    expect([status, headers.get('content-type')]).toEqual([200, 'application/schema+json']);
    expect(body).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: { when: { type: 'string' } },
      required: ['id', 'then'],
    });
  });

  it('tells who watches of every change', async () => {
    const fleet = await stack.broker.newFleet();
    const abort = new AbortController();
    closeLater('event stream', () => abort.abort());
    const { body } = await fetch(`${stack.api.url}/v1/events?type=rule&fleet=${fleet.name}`, {
      headers: { authorization: `Bearer ${stack.key}` },
      signal: abort.signal,
    });
    let text = '';
    const read = async () => {
      for await (const chunk of body!.pipeThrough(new TextDecoderStream())) text += chunk;
    };
    void read().catch(() => undefined);
    await put(fleet, FAN);
    await put(fleet, { ...FAN, when: 'heat > 40' }, { 'if-match': '"1"' });
    for (const step of ['disable', 'enable']) await stack.send('POST', `${rulesOf(fleet)}/fan/${step}`);
    await stack.send('DELETE', `${rulesOf(fleet)}/fan`, undefined, { 'if-match': '"4"' });
    const told = () =>
      [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data!) as Record<string, unknown>);
    await until(() => told().length === 5, { what: 'five events' });
    expect(told()).toMatchObject(
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
