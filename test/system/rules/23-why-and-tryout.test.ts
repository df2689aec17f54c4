// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { deviceTopic } from '@lamplighter/contracts/topics';
import { shardOfCommand } from '@lamplighter/store/commands/command-id';
import { commandKeys, ruleVersionsKey } from '@lamplighter/store/keys';
import type { Redis } from '@lamplighter/store/redis/connect';
import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { stopwatch } from '@lamplighter/test-kit/stopwatch';
import { until } from '@lamplighter/test-kit/until';
import { dryRunSchema } from '../../../services/api/src/dry-runs/dry-run.schema.js';
import { ruleDiffSchema } from '../../../services/api/src/dry-runs/rule-diff.schema.js';
import { whySchema } from '../../../services/api/src/why/why.schema.js';
import { whyNotSchema } from '../../../services/api/src/why/why-not.schema.js';
import { connected } from '../../../tools/test-kit/src/store/store-under-test.js';
import { type ApiResponse, type Stack, startStack } from '../stack.js';

const LIMIT_MS = 60_000;
const RULE = {
  id: 'reading-light',
  when: 'light < 300',
  clear: 'light > 330',
  then: { led_on: true },
  else: { led_on: false },
  reassert: 'never',
};

let stack: Stack;
let redis: Redis;
beforeAll(async () => {
  stack = await startStack();
  redis = await connected(stack.redis.url);
}, LIMIT_MS);

const good = ({ status, body }: ApiResponse) => {
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body as unknown;
};
const why = async (id: unknown) => whySchema.parse(good(await stack.get(`/v1/commands/${String(id)}/why`)));
const whyNot = async (fleet: TestFleet, device: string, rule: string = RULE.id) =>
  whyNotSchema.parse(
    good(await stack.get(`/v1/fleets/${fleet.name}/devices/${device}/why-not?rule=${rule}`)),
  );
const diff = async (fleet: TestFleet, body: object, rule: string = RULE.id) =>
  ruleDiffSchema.parse(good(await stack.send('POST', `/v1/fleets/${fleet.name}/rules/${rule}/diff`, body)));
const dryRun = async (fleet: TestFleet, body: object) =>
  dryRunSchema.parse(good(await stack.send('POST', `/v1/fleets/${fleet.name}/rules/dry-run`, body)));

async function fleetWith(...rules: { id: string; [key: string]: unknown }[]): Promise<TestFleet> {
  const fleet = await stack.broker.newFleet();
  for (const rule of rules) {
    const { status, body } = await stack.send(
      'POST',
      `/v1/fleets/${fleet.name}/rules?allowUnknown=true`,
      rule,
    );
    if (status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`);
  }
  return fleet;
}
async function report(fleet: TestFleet, device: TestDevice, reading: { light: number }): Promise<void> {
  await device.sendReading(reading, { qos: 1 });
  await stack.lastState(fleet, device.device, ({ light }) => light === reading.light);
}
/** A device that has said hello, so that it gets ids and is expected to answer. */
async function announced(fleet: TestFleet, name: string): Promise<TestDevice> {
  const device = await connectDevice(fleet, name);
  const birth = { online: true, session: 1 };
  await device.publish(deviceTopic(fleet.name, 'presence', name), birth, { qos: 1, retain: true });
  return device;
}
const idOf = ({ _cmd }: Record<string, unknown>) => (_cmd as { id: string }).id;
async function answer(fleet: TestFleet, device: TestDevice, id: string, status: string, more: object = {}) {
  const topic = deviceTopic(fleet.name, 'acknowledgements', device.device);
  await device.publish(topic, { id, status, ...more }, { qos: 1 });
  await until(async () => (await stack.get(`/v1/commands/${id}`)).body.state === status, {
    what: `command ${id} to have ${status}`,
  });
}

describe('why', () => {
  it(
    'tells what a rule decided on, by which version, and every step of the delivery',
    async () => {
      const fleet = await fleetWith({ ...RULE, dwell: '100ms', cooldown: '200ms' });
      const lamp = await announced(fleet, 'lamp');
      await report(fleet, lamp, { light: 400 });
      await answer(fleet, lamp, idOf(await lamp.nextCommand()), 'succeeded');
      const since = performance.now();
      await until(() => performance.now() - since >= 200, { what: 'the end of the dwell' });
      await report(fleet, lamp, { light: 212 });
      const id = idOf(await lamp.nextCommand());
      await answer(fleet, lamp, id, 'failed', { reason: 'no bulb' });

      const explanation = await why(id);
      expect(explanation).toMatchObject({
        ...{ id, device: 'lamp', action: { led_on: true }, source: 'rule', rule: RULE.id, state: 'failed' },
        because: {
          ...{ version: 1, replayed: true, reading: { light: 212 }, ageMs: 0 },
          ...{ document: { when: 'light < 300', cooldown: '200ms' }, state: { raised: false } },
        },
        delivery: [
          { state: 'pending', cause: `rule:${RULE.id}` },
          { state: 'dispatched', attempt: 1, cause: 'emit', sentence: 'sent to the device immediately' },
          { state: 'failed', cause: 'device', sentence: 'the device reported a failure: no bulb' },
        ],
      });
      const text = explanation.sentences.join('\n');
      expect(text).toContain('rule "reading-light", version 1, issued {"led_on":true} for lamp');
      expect(text).toContain('it evaluated a reading of lamp on arrival');
      expect(text).toMatch(/before that, it had been lowered for [\d.]+ m?s/);
      expect(text).toContain('light was 212, below 300: "light < 300" held');
      expect(text).toMatch(/the verdict had stood for [\d.]+ m?s, at least 100 ms \(dwell\)/);
      expect(text).toContain('the device reported a failure: no bulb');
    },
    LIMIT_MS,
  );

  it(
    'stays true when the rule has changed since, and says so when that version is forgotten or the record is not true',
    async () => {
      const fleet = await fleetWith(RULE);
      const lamp = await announced(fleet, 'lamp');
      await report(fleet, lamp, { light: 212 });
      const id = idOf(await lamp.nextCommand());
      const changed = { ...RULE, when: 'light < 100', clear: undefined };
      const path = `/v1/fleets/${fleet.name}/rules/${RULE.id}`;
      expect((await stack.send('PUT', path, changed, { 'if-match': '*' })).status).toBe(200);
      expect((await why(id)).because).toMatchObject({ version: 1, replayed: true });

      const [commandsKey] = commandKeys(shardOfCommand(id)!) as [string];
      const stored = (await redis.hget(commandsKey, id))!;
      await redis.hset(commandsKey, id, stored.replace('"light":212', '"light":312'));
      const doubted = await why(id);
      expect(doubted.because).toMatchObject({ replayed: false, reading: { light: 312 } });
      expect(doubted.sentences.join('\n')).toContain('lead to {"led_on":false} instead');
      await redis.hset(commandsKey, id, stored);

      await redis.ltrim(ruleVersionsKey(fleet.name, RULE.id), 0, 0);
      const forgotten = await why(id);
      expect(forgotten.because).toMatchObject({ version: 1, replayed: false, reading: { light: 212 } });
      expect(forgotten.because).not.toHaveProperty('document');
      expect(forgotten.sentences.join('\n')).toContain('version 1 of the rule has been pruned');
      expect(forgotten.sentences.join('\n')).toContain('in the reading, light was 212');
    },
    LIMIT_MS,
  );

  it(
    'shows the votes of a quorum',
    async () => {
      const fleet = await fleetWith({
        ...{ id: 'hall', when: 'light < 300', then: { led_on: true }, else: { led_on: false } },
        ...{
          scope: { devices: ['a', 'b', 'c'] },
          quorum: { policy: 'majority' },
          target: { devices: ['hall'] },
        },
      });
      const [hall, ...sensors] = await Promise.all(
        ['hall', 'a', 'b', 'c'].map((name) => announced(fleet, name)),
      );
      for (const [i, sensor] of sensors.entries())
        await report(fleet, sensor, { light: [212, 900, 250][i]! });
      const seen = await until(
        async () => {
          const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/hall/commands`);
          const command = body.commands.find(({ action }: { action: { led_on: boolean } }) => action.led_on);
          return command as { id: string } | undefined;
        },
        { what: 'the command of the group' },
      );
      const explanation = await why(seen.id);
      expect(explanation.because).toMatchObject({ replayed: true, tally: { yes: 2, fresh: 3, needs: 2 } });
      expect(explanation.sentences.join('\n')).toMatch(
        /2 voted yes and 1 no \(majority\)\na voted yes, .* earlier\nb voted no/,
      );
      expect(hall!.device).toBe('hall');
      const standing = await whyNot(fleet, 'b', 'hall');
      expect(standing).toMatchObject({ outcome: 'raised', tally: { yes: 2, no: 1 } });
      expect(standing.sentences.join('\n')).toContain('b only votes in it\nb voted no');
    },
    LIMIT_MS,
  );

  it(
    'tells who sent a command that no rule issued, and knows no other',
    async () => {
      const fleet = await fleetWith();
      const { body } = await stack.send(
        'POST',
        `/v1/fleets/${fleet.name}/devices/lamp/commands?allowUnknown=true`,
        {
          action: { led_on: true },
        },
      );
      const explanation = await why(body.id);
      expect(explanation).not.toHaveProperty('because');
      expect(explanation.sentences[0]).toMatch(/^an API client issued \{"led_on":true\} for lamp at .*Z$/);
      expect(explanation.sentences.at(-1)).toContain('it has no acknowledgement yet');

      await (await announced(fleet, 'lamp')).sendReading({ light: 1 }, { qos: 1 });
      await stack.lastState(fleet, 'lamp', ({ light }) => light === 1);
      const rollout = await stack.send('POST', `/v1/fleets/${fleet.name}/commands?allowUnknown=true`, {
        action: { led_on: false },
        selector: { devices: ['lamp'] },
      });
      const listed = await until(
        async () => {
          const { body: page } = await stack.get(`/v1/fleets/${fleet.name}/devices/lamp/commands`);
          return page.commands.find(({ source }: { source: string }) => source === 'rollout') as
            | { id: string }
            | undefined;
        },
        { what: 'the command of the rollout' },
      );
      expect((await why(listed.id)).sentences[0]).toContain(`rollout ${rollout.body.id}, started at `);

      expect((await stack.get('/v1/commands/01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17/why')).status).toBe(404);
      expect((await stack.get('/v1/commands/nonsense/why')).status).toBe(400);
    },
    LIMIT_MS,
  );
});

describe('why-not', () => {
  it(
    'names the clause that keeps a lamp off, with its numbers',
    async () => {
      const fleet = await fleetWith(RULE, {
        ...RULE,
        id: 'slow',
        hold: '10m',
        then: { slow: true },
        else: undefined,
      });
      const lamp = await connectDevice(fleet, 'lamp');
      await report(fleet, lamp, { light: 400 });
      await lamp.nextCommand();
      await report(fleet, lamp, { light: 315 });
      const within = await whyNot(fleet, 'lamp');
      expect(within).toMatchObject({
        outcome: 'lowered',
        keptBy: ['when'],
        last: { measurements: { light: 315 } },
      });
      expect(within.sentences.join('\n')).toContain(
        [
          'light was 315, above 300: "light < 300" did not hold',
          'light was 315, below 330: "light > 330" did not hold',
          'between the two limits the verdict does not change (hysteresis)',
        ].join('\n'),
      );
      expect(within.lastCommand).toMatchObject({ action: { led_on: false } });

      await report(fleet, lamp, { light: 212 });
      expect(await lamp.nextCommand()).toEqual({ led_on: true });
      expect(await whyNot(fleet, 'lamp')).toMatchObject({ outcome: 'raised', keptBy: ['clear'] });
      // The service may have read the rules between the two writes; the second one is in force within a second.
      const held = await until(
        async () => {
          await report(fleet, lamp, { light: 212 });
          const slow = await whyNot(fleet, 'lamp', 'slow');
          return slow.keptBy?.includes('hold') && slow;
        },
        { what: 'the rule to be held', everyMs: 250 },
      );
      expect(held).toMatchObject({ keptBy: ['hold'], lookedAtAgain: expect.any(String) });
      expect(held.trace).toContainEqual(
        expect.objectContaining({ clause: 'hold', passes: false, limit: 600_000 }),
      );
      expect(held.sentences.join('\n')).toMatch(
        /the other verdict had lasted for [\d.]+ m?s of 10 min \(hold\)/,
      );
    },
    LIMIT_MS,
  );

  it(
    'tells of rules that do not judge the device, and of names that are none',
    async () => {
      const fleet = await fleetWith(
        { ...RULE, id: 'off', enabled: false },
        { ...RULE, id: 'elsewhere', scope: { devices: ['hall-*'] } },
      );
      const lamp = await connectDevice(fleet, 'lamp');
      await report(fleet, lamp, { light: 212 });
      expect(await whyNot(fleet, 'lamp', 'off')).toMatchObject({ outcome: 'disabled', keptBy: ['enabled'] });
      expect(await whyNot(fleet, 'lamp', 'elsewhere')).toMatchObject({
        outcome: 'out_of_scope',
        sentences: ['lamp is not in the scope of rule "elsewhere"'],
      });
      const at = `/v1/fleets/${fleet.name}/devices`;
      const misspelt = await stack.get(`${at}/lamp/why-not?rule=elsewere`);
      expect(misspelt).toMatchObject({ status: 404, body: { type: 'urn:lamplighter:problem:no-such-rule' } });
      expect(misspelt.body.detail).toContain(`has no rule "elsewere", did you mean 'elsewhere'?`);
      expect(await stack.get(`${at}/nobody/why-not?rule=off`)).toMatchObject({ status: 404 });
      const unasked = await stack.get(`${at}/lamp/why-not`);
      expect(unasked).toMatchObject({ status: 400, body: { errors: [{ in: 'query', pointer: '/rule' }] } });
    },
    LIMIT_MS,
  );
});

describe('a dry run', () => {
  it(
    'says what a rule would do with a reading, and what it would remember for the next one',
    async () => {
      const fleet = await fleetWith();
      const rule = { ...RULE, hold: '10s' };
      const first = await dryRun(fleet, { rule, reading: { light: 400 }, at: '2026-11-22T12:00:00Z' });
      expect(first).toMatchObject({
        result: 'unmatched',
        raised: false,
        action: { led_on: false },
        reason: 'first',
      });
      const dark = { rule, reading: { light: 212 }, state: first.state };
      const waits = await dryRun(fleet, { ...dark, at: '2026-11-22T12:00:05Z' });
      expect(waits).toMatchObject({
        result: 'matched',
        raised: false,
        lookedAtAgain: '2026-11-22T12:00:15.000Z',
      });
      expect(waits).not.toHaveProperty('action');
      const raised = await dryRun(fleet, { ...dark, state: waits.state, at: '2026-11-22T12:00:15Z' });
      expect(raised).toMatchObject({ raised: true, action: { led_on: true }, reason: 'change' });
      expect(raised.sentences).toContain('light was 212, below 300: "light < 300" held');
      const vote = await dryRun(fleet, {
        rule: { id: 'q', when: 'light < 300', quorum: { policy: 'any' }, then: { led_on: true } },
        reading: { light: 212 },
      });
      expect(vote).toMatchObject({ result: 'matched', vote: true });
    },
    LIMIT_MS,
  );

  it('says what would be commanded, and knows every measurement of a large fleet', async () => {
    const fleet = await fleetWith();
    const client = await connectDevice(fleet, 'a-00');
    for (let i = 0; i < 60; i++)
      await client.publish(deviceTopic(fleet.name, 'telemetry', `a-${i}`), { light: i }, { qos: 1 });
    await report(fleet, client, { light: 500 });
    const rare = deviceTopic(fleet.name, 'telemetry', 'z-99');
    const rule = { id: 'fan', when: 'heat > 30', then: { fan: 'fast' } };
    await until(
      async () => {
        await client.publish(rare, { heat: 20 }, { qos: 1 });
        return (await dryRun(fleet, { rule, reading: { heat: 31 } })).warnings === undefined;
      },
      { what: 'the only reading with heat to be known' },
    );
    // A device sends each measurement in a reading of its own: the last state has one of them.
    await client.publish(rare, { humidity: 40 }, { qos: 1 });
    await stack.lastState(fleet, 'z-99', ({ humidity }) => humidity === 40);
    const { warnings, sentences } = await dryRun(fleet, { rule, reading: { heat: 31 } });
    expect(warnings).toBeUndefined();
    expect(sentences.at(-1)).toBe('this was the first verdict: raised, so {"fan":"fast"} would be commanded');
    const misspelt = await dryRun(fleet, { rule: { ...rule, when: 'haet > 30' }, reading: { heat: 31 } });
    expect(misspelt.warnings).toEqual([
      { pointer: '/when', detail: "no reading has had 'haet' yet, did you mean 'heat'?" },
    ]);
  });

  it('points at what is wrong', async () => {
    const fleet = await fleetWith();
    const path = `/v1/fleets/${fleet.name}/rules/dry-run`;
    const bad = await stack.send('POST', path, { rule: { ...RULE, when: 'light <' }, reading: { light: 1 } });
    expect(bad).toMatchObject({ status: 422, body: { errors: [{ in: 'body', pointer: '/rule/when' }] } });
    const odd = await stack.send('POST', path, { rule: RULE, reading: { light: 1, _seq: 'x' }, later: 1 });
    expect(odd.status).toBe(400);
    const pointers = odd.body.errors.map(({ pointer }: { pointer: string }) => pointer);
    expect(pointers).toEqual(expect.arrayContaining(['/reading/_seq', '/later']));
  });
});

describe('a diff', () => {
  it(
    'finds the commands that a changed rule would have added, dropped and moved on what the fleet has sent',
    async () => {
      const fleet = await fleetWith(RULE);
      const lamp = await connectDevice(fleet, 'lamp');
      const start = Date.now() - 60_000;
      for (const [i, light] of [400, 280, 340, 200, 400].entries())
        await lamp.sendReading({ light, _seq: i + 1, _at: start + i * 10_000 }, { qos: 1 });
      await stack.lastState(fleet, 'lamp', () => true);
      await until(async () => (await diff(fleet, { candidate: RULE })).recording.readings === 5, {
        what: 'the readings in the window',
      });
      const at = (i: number) => new Date(start + i * 10_000).toISOString();

      const self = await diff(fleet, { candidate: RULE });
      expect(self).toMatchObject({
        version: 1,
        devices: [],
        changedDevices: 0,
        recording: { devices: 1, isCut: false },
      });
      expect(self.commands).toEqual({ present: 5, candidate: 5, same: 5, added: 0, dropped: 0, moved: 0 });

      const stricter = await diff(fleet, { candidate: { ...RULE, when: 'light < 250' } });
      expect(stricter.commands).toMatchObject({ added: 0, dropped: 2 });
      expect(stricter.devices[0]).toMatchObject({
        device: 'lamp',
        changes: [
          { kind: 'dropped', at: at(1), action: { led_on: true } },
          { kind: 'dropped', at: at(2), action: { led_on: false } },
        ],
      });
      // The other way round the same two are added.
      const path = `/v1/fleets/${fleet.name}/rules/${RULE.id}`;
      const { status } = await stack.send('PUT', path, { ...RULE, when: 'light < 250' }, { 'if-match': '*' });
      expect(status).toBe(200);
      const looser = await diff(fleet, { candidate: RULE });
      expect(looser).toMatchObject({ version: 2, commands: { added: 2, dropped: 0 } });
      expect(looser.sentences).toContain(`lamp, ${at(1)}: {"led_on":true} is added`);
      expect((await diff(fleet, { candidate: RULE, version: 1 })).commands.same).toBe(5);
      expect((await diff(fleet, { candidate: RULE, version: 0 })).commands).toMatchObject({
        present: 0,
        added: 5,
      });

      const later = await diff(fleet, { candidate: { ...RULE, hold: '4s' }, version: 1 });
      expect(later.devices[0]?.changes.at(-1)).toMatchObject({ kind: 'moved', at: at(4), byMs: 4000 });
      // The first verdict, lowered, has nothing to hold against.
      expect(later.commands).toMatchObject({ same: 1, added: 0, dropped: 0, moved: 4 });
    },
    LIMIT_MS,
  );

  it(
    'runs on an uploaded recording as well, of groups too, and says what is wrong with one',
    async () => {
      const quorum = { ...RULE, scope: { devices: ['a', 'b', 'c'] }, quorum: { policy: 'majority' } };
      const fleet = await fleetWith(quorum);
      const recording = [
        ...['a', 'b', 'c'].map((device) => ({ device, at: '2026-11-22T12:00:00Z', reading: { light: 400 } })),
        { device: 'a', at: '2026-11-22T12:00:10Z', reading: { light: 20 } },
      ];
      const birds = await diff(fleet, { candidate: { ...quorum, quorum: { policy: 'any' } }, recording });
      expect(birds).toMatchObject({
        recording: { source: 'upload', devices: 3, readings: 4 },
        commands: { present: 1, candidate: 2, same: 1, added: 1 },
        devices: [{ targets: ['a', 'b', 'c'], changes: [{ kind: 'added', at: '2026-11-22T12:00:10.000Z' }] }],
      });

      const path = `/v1/fleets/${fleet.name}/rules/${RULE.id}/diff`;
      const bad = await stack.send('POST', path, {
        candidate: quorum,
        recording: [recording[0], { device: 'a b', at: 'noon', reading: { light: 1 } }],
      });
      expect(bad.status).toBe(400);
      const pointers = bad.body.errors.map(({ pointer }: { pointer: string }) => pointer);
      expect(pointers).toEqual(['/recording/1/device', '/recording/1/at']);
      const invalid = await stack.send('POST', path, { candidate: { ...quorum, when: 'light <' } });
      expect(invalid).toMatchObject({ status: 422, body: { errors: [{ pointer: '/candidate/when' }] } });
      const named = await stack.send('POST', path, { candidate: { ...quorum, id: 'other' } });
      expect(named).toMatchObject({ status: 422, body: { errors: [{ pointer: '/candidate/id' }] } });
      const large = { candidate: quorum, recording: [], filling: 'x'.repeat(3_000_000) };
      expect(await stack.send('POST', path, large)).toMatchObject({ status: 413 });
      const many = { candidate: quorum, recording: Array.from({ length: 20_001 }, () => 0) };
      expect(await stack.send('POST', path, many)).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: '/recording', detail: 'must have at most 20000 readings' }] },
      });
      const nothing = await stack.send('POST', `/v1/fleets/${fleet.name}/rules/none/diff`, {
        candidate: RULE,
      });
      expect(nothing.status).toBe(404);
    },
    LIMIT_MS,
  );

  it(
    'gives up what is too much, takes in a few runs at a time, and others are served meanwhile',
    async () => {
      const fleet = await fleetWith(RULE);
      // A loop over a list of a hundred, on each of 20,000 readings.
      const list = Array.from({ length: 100 }, (_, i) => i).join(',');
      const when = `[${list}].exists(i, [${list}].exists(k, i * k < -light))`;
      const recording = Array.from({ length: 20_000 }, (_, i) => ({
        device: 'lamp',
        at: 1000 + i,
        reading: { light: 1 },
      }));
      const path = `/v1/fleets/${fleet.name}/rules/${RULE.id}/diff`;
      const body = JSON.stringify({ candidate: { ...RULE, when, clear: undefined }, recording });
      const runs = Promise.all([1, 2, 3].map(() => stack.send('POST', path, body)));
      let slowest = 0;
      let unserved = 0;
      let isOver = false;
      void runs.then(() => {
        isOver = true;
      });
      while (!isOver) {
        const tookMs = stopwatch();
        if ((await stack.get('/v1/fleets')).status !== 200) unserved += 1;
        slowest = Math.max(slowest, tookMs());
      }
      const answers = await runs;
      expect(answers.map(({ status }) => status).sort()).toEqual([422, 422, 429]);
      const refused = answers.find(({ status }) => status === 429)!;
      expect(refused.headers.get('retry-after')).toBe('5');
      expect(answers.find(({ status }) => status === 422)!.body.type).toBe(
        'urn:lamplighter:problem:too-much-work',
      );
      expect(slowest).toBeLessThan(2000);
      // On a machine that stood still meanwhile, Redis may have seemed away once.
      expect(unserved).toBeLessThan(2);
    },
    LIMIT_MS,
  );
});
