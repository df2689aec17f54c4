// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { connectDevice } from '@lamplighter/test-kit/device';
import { stopwatch } from '@lamplighter/test-kit/stopwatch';
import { until } from '@lamplighter/test-kit/until';
import request from 'supertest';
import { FAN, putRule, rulesOf } from '../rule-requests.js';
import { type SharedStack, sharedStack } from '../stack.js';

let stack: SharedStack;
beforeAll(async () => {
  stack = await sharedStack();
}, 60_000);

const LIMIT_MS = 60_000;
const details = (body: { warnings?: { detail: string }[] }) =>
  (body.warnings ?? []).map(({ detail }) => detail);

it(
  'an absence rule warns about a device that never reported, and is raised for it',
  async () => {
    const fleet = await stack.broker.newFleet();
    const rule = {
      id: 'silence',
      scope: { devices: ['ghost', 'hall-*'] },
      absence: { after: '2s' },
      then: { siren: true },
      else: { siren: false },
    };
    const inForceMs = stopwatch();
    const written = await putRule(stack, fleet, rule);
    expect(written.status).toBe(201);
    const warning = {
      pointer: '/scope/devices/0',
      detail: '"ghost" has never reported; it counts as silent since the rule came into force',
    };
    expect(written.body.warnings).toContainEqual(warning);
    expect((await stack.get(`${rulesOf(fleet)}/silence`)).body.warnings).toContainEqual(warning);
    const whyNot = `/v1/fleets/${fleet.name}/devices/ghost/why-not?rule=silence`;
    const raised = await until(
      async () => {
        const { status, body } = await stack.get(whyNot);
        return status === 200 && body.outcome === 'raised' && body;
      },
      { what: 'the rule to be raised', timeoutMs: 15_000 },
    );
    expect(inForceMs()).toBeGreaterThanOrEqual(2000);
    expect(raised.sentences).toContain('no live reading of ghost is stored');
    const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/ghost/commands`);
    expect(body).toMatchObject({
      presence: 'never_seen',
      commands: [{ action: { siren: true }, state: 'pending' }],
    });
    const device = await connectDevice(fleet, 'ghost');
    await device.sendReading({ light: 1 });
    expect(await device.nextCommand()).toEqual({ siren: false });
    const reported = await stack.get(`${rulesOf(fleet)}/silence`);
    expect(reported.body).not.toHaveProperty('warnings');
  },
  LIMIT_MS,
);

it(
  'why-not names the missing measurements',
  async () => {
    const fleet = await stack.broker.newFleet();
    await putRule(stack, fleet, { ...FAN, when: 'light < 300 && heat > 30 && wind > 1' });
    const device = await connectDevice(fleet, 'fan-1');
    await device.sendReading({ heat: 31 });
    await stack.lastState(fleet, 'fan-1', ({ heat }) => heat === 31);
    const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/fan-1/why-not?rule=fan`);
    expect(body.sentences).toContain(
      '"light < 300 && heat > 30 && wind > 1" was undecided: light, wind are missing; heat was 31',
    );
    expect(body.trace.find(({ clause }: { clause: string }) => clause === 'when')).toMatchObject({
      missing: ['light', 'wind'],
    });
  },
  LIMIT_MS,
);

describe('action', () => {
  it.each(['set temp', 'ü'])('with the key %j is rejected with the allowed characters', async (key) => {
    const fleet = await stack.broker.newFleet();
    const { status, body } = await putRule(stack, fleet, { ...FAN, then: { [key]: 1 } });
    expect(status).toBe(422);
    expect(body.errors).toEqual([
      {
        in: 'body',
        pointer: `/then/${key}`,
        detail:
          'an action key must be 1 to 64 letters (a to z), digits, "_", "." or "-", and begin with a letter or digit',
      },
    ]);
  });

  it('with an integer beyond 2^53 is rejected, in rules, commands and rollouts', async () => {
    const fleet = await stack.broker.newFleet();
    const device = await connectDevice(fleet, 'meter');
    await device.sendReading({ light: 1 });
    await stack.lastState(fleet, 'meter', ({ light }) => light === 1);
    const post = (path: string, text: string) =>
      request(stack.api.url)
        .post(path)
        .set('authorization', `Bearer ${stack.key}`)
        .set('content-type', 'application/json')
        .send(text);
    for (const [path, field, text] of [
      [
        rulesOf(fleet),
        '/then/serial',
        '{"id": "r", "when": "light < 1", "then": {"serial": 9007199254740993}}',
      ],
      [
        `/v1/fleets/${fleet.name}/devices/meter/commands`,
        '/action/serial',
        '{"action": {"serial": 9007199254740993}}',
      ],
      [`/v1/fleets/${fleet.name}/commands`, '/action/serial', '{"action": {"serial": 9007199254740993}}'],
    ] as const) {
      const { status, body } = await post(path, text);
      expect(status).toBe(400);
      expect(body.errors).toEqual([
        {
          in: 'body',
          pointer: field,
          detail: '9007199254740993 is beyond 2^53 and would become 9007199254740992; send it as a string',
        },
      ]);
    }
  });
});

it(
  'a rollout whose condition names an unknown measurement gets a warning',
  async () => {
    const fleet = await stack.broker.newFleet();
    const device = await connectDevice(fleet, 'lamp-1');
    await device.sendReading({ light: 1 });
    await stack.lastState(fleet, 'lamp-1', ({ light }) => light === 1);
    const rollout = { action: { led_on: true }, selector: { when: 'lihgt < 300' } };
    const { status, body } = await stack.send('POST', `/v1/fleets/${fleet.name}/commands`, rollout);
    expect(status).toBe(202);
    expect(body.warnings).toContainEqual({
      pointer: '/selector/when',
      detail: "no reading has had 'lihgt' yet, did you mean 'light'?",
    });
  },
  LIMIT_MS,
);

it(
  'commands and rules that set the same key on different lanes get a warning',
  async () => {
    const fleet = await stack.broker.newFleet();
    const device = await connectDevice(fleet, 'lamp-1');
    await device.sendReading({ light: 900 });
    await stack.lastState(fleet, 'lamp-1', ({ light }) => light === 900);
    const lamp = { id: 'lamp', when: 'light < 1', then: { led_on: true } };
    expect((await putRule(stack, fleet, lamp)).status).toBe(201);
    const other = await putRule(stack, fleet, { ...lamp, id: 'other', command: { lane: 'led' } });
    const clash = (here: string, there: string, rule: string) =>
      `"led_on" is set on lane "${here}" here, but on lane "${there}" by rule "${rule}". Commands on different lanes do not ` +
      'supersede each other, so a device that was offline gets both; use the same lane';
    expect(details(other.body)).toContain(clash('led', 'led_on', 'lamp'));
    await stack.send('DELETE', `${rulesOf(fleet)}/other`, undefined, { 'if-match': '*' });
    const commands = `/v1/fleets/${fleet.name}/devices/lamp-1/commands`;
    const sent = await stack.send('POST', commands, { action: { led_on: true }, lane: 'led' });
    expect(details(sent.body)).toContain(clash('led', 'led_on', 'lamp'));
    const fine = await stack.send('POST', commands, { action: { led_on: true } });
    expect(fine.body).not.toHaveProperty('warnings');
  },
  LIMIT_MS,
);

it(
  'a window that is longer than the stored readings gets a warning, in rules and dry runs',
  async () => {
    const fleet = await stack.broker.newFleet();
    const device = await connectDevice(fleet, 'lamp-1');
    const now = Date.now();
    for (let i = 0; i < 10; i += 1) await device.sendReading({ light: i, _at: now - 60_000 + i * 5000 });
    await stack.lastState(fleet, 'lamp-1', ({ light }) => light === 9);
    const mean = { id: 'mean', when: 'window.avg("light", "2h") < 300', then: { led_on: true } };
    const warning = {
      pointer: '/when',
      detail:
        "window.avg covers 2 h of 'light', but only about 20 min are stored: 240 readings, one every 5 s",
    };
    expect((await putRule(stack, fleet, mean)).body.warnings).toEqual([warning]);
    const tried = await stack.send('POST', `${rulesOf(fleet)}/dry-run`, {
      rule: mean,
      reading: { light: 1 },
    });
    expect(tried.body.warnings).toEqual([warning]);
    const short = { ...mean, id: 'short', when: 'window.avg("light", "10m") < 300' };
    expect((await putRule(stack, fleet, short)).body).not.toHaveProperty('warnings');
  },
  LIMIT_MS,
);
