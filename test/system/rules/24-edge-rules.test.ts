// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Action } from '@lamplighter/contracts/commands/command';
import { parseBrokerUrl } from '@lamplighter/device/connection/broker';
import { DeviceClient, type DeviceOptions } from '@lamplighter/device/device-client';
import type { RuleInput } from '@lamplighter/evaluation/rule/rule';
import { connectDevice } from '@lamplighter/test-kit/device';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { closeLater } from '@lamplighter/test-kit/resources';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { openLink } from '@lamplighter/test-kit/servers/link';
import { until } from '@lamplighter/test-kit/until';
import { deviceDetailSchema } from '../../../services/api/src/devices/device.schema.js';
import {
  type EdgeDecisionsBody,
  edgeDecisionsSchema,
} from '../../../services/api/src/devices/edge-decision.schema.js';
import { expectProblem, putRule } from '../rule-requests.js';
import { type Stack, startStack } from '../stack.js';

const NIGHT_LIGHT: RuleInput = {
  id: 'night-light',
  when: 'light < 300',
  clear: 'light > 330',
  then: { led_on: true },
  else: { led_on: false },
};
const LIMIT_MS = 60_000;

let stack: Stack;
beforeAll(async () => {
  const rulesFile = join(temporaryFolder(), 'rules.json');
  writeFileSync(rulesFile, JSON.stringify({ rules: [] }));
  stack = await startStack({ rulesEnv: { RULES_FILE: rulesFile, EDGE_JUDGE_SECONDS: '4' } });
}, 60_000);

/** A lamp on a link that a test can cut, and what it did: by command of the server, or by itself. */
async function lampOnLink(fleet: TestFleet, options: Partial<DeviceOptions> = {}) {
  const link = await openLink(Number(new URL(fleet.url).port));
  const did: [by: 'server' | 'itself', ledOn: unknown][] = [];
  let ledOn = false;
  const device = new DeviceClient({
    broker: parseBrokerUrl(link.through(fleet.url)),
    fleet: fleet.name,
    device: 'lamp-1',
    edgeRules: true,
    fallbackAfterMs: 0,
    backoff: { firstMs: 50, maxMs: 200 },
    execute: ({ led_on }: Action, envelope) => {
      did.push([envelope === undefined ? 'itself' : 'server', led_on]);
      ledOn = led_on === true;
    },
    ...options,
  });
  closeLater('device', () => device.close());
  device.start();
  await until(() => device.online, { what: 'the lamp to be online' });
  const path = `/v1/fleets/${fleet.name}/devices/lamp-1`;
  return {
    device,
    path,
    did,
    /** Takes a reading, and lets the lamp do what it does about it. */
    measure: async (light: number) => {
      await device.publish({ light, led_on: ledOn });
      await new Promise((resolve) => setImmediate(resolve));
    },
    /** Cuts the link; from then on the lamp decides by itself. */
    cut: async () => {
      link.stall();
      link.cut();
      await until(() => !device.online, { what: 'the lamp to be offline' });
    },
    heal: async () => {
      link.heal();
      await until(() => device.online, { what: 'the lamp to be back', timeoutMs: LIMIT_MS });
    },
    /** Sets the edge rule, and waits until the API shows that the device confirmed it. */
    setEdgeRule: async (edgeRule: string | null) => {
      const { status } = await stack.send('PUT', `${path}/settings?allowUnknown=true`, { edgeRule });
      expect(status).toBe(202);
      const version = edgeRule === null ? null : expect.stringMatching(`^${edgeRule}@`);
      await until(
        async () => {
          const { body } = await stack.get(path);
          expect(body.edgeRule).toEqual({ rule: edgeRule, told: version, confirmed: version });
          return true;
        },
        { what: `the device to confirm ${edgeRule ?? 'that it has no rule'}` },
      );
    },
    judged: () =>
      until(
        async () => {
          const { body } = await stack.get(`${path}/edge-decisions`);
          const { decisions } = edgeDecisionsSchema.parse(body);
          return (
            decisions.length > 0 && decisions.every(({ judgement }) => judgement !== 'pending') && decisions
          );
        },
        { what: 'the decisions to be judged', timeoutMs: LIMIT_MS, everyMs: 100 },
      ),
  };
}

const briefly = (decisions: EdgeDecisionsBody['decisions']) =>
  decisions.map(({ rule, version, raised, status, judgement }) => [rule, version, raised, status, judgement]);

it(
  'a lamp goes by the rule of its fleet while its link is down, and nothing switches twice when it is back',
  async () => {
    const fleet = await stack.broker.newFleet();
    await putRule(stack, fleet, NIGHT_LIGHT);
    const lamp = await lampOnLink(fleet, { telemetry: 'keep' });
    await lamp.setEdgeRule('night-light');
    const { body } = await stack.get(lamp.path);
    expect(deviceDetailSchema.parse(body).edgeRule).toEqual({
      rule: 'night-light',
      told: 'night-light@1',
      confirmed: 'night-light@1',
    });
    await lamp.measure(500);
    await until(() => lamp.did.length === 1, { what: 'the first command' });

    await lamp.cut();
    await lamp.measure(450);
    await lamp.measure(120);
    await lamp.measure(315);
    expect(lamp.did).toEqual([
      ['server', false],
      ['itself', true],
    ]);
    await lamp.heal();
    await lamp.measure(316);
    await until(() => lamp.device.waiting === 0, { what: 'all readings to be stored', timeoutMs: LIMIT_MS });

    const [decision] = await lamp.judged();
    expect(briefly([decision!])).toEqual([['night-light', 1, true, 'succeeded', 'agrees']]);
    expect(decision!.sentences.join('\n')).toContain('light was 120, below 300');
    // Between the thresholds the server holds what the lamp decided, instead of what it decided itself before.
    expect(lamp.did).toHaveLength(2);
    await lamp.measure(400);
    await until(() => lamp.did.length === 3, { what: 'the server to decide again' });
    expect(lamp.did[2]).toEqual(['server', false]);
    expect(await stack.metric('lamplighter_edge_decisions_total', { judgement: 'agrees' })).toBe(1);
  },
  2 * LIMIT_MS,
);

it(
  'of a lamp that keeps nothing the readings are missing, but not its decisions',
  async () => {
    const fleet = await stack.broker.newFleet();
    await putRule(stack, fleet, NIGHT_LIGHT);
    const lamp = await lampOnLink(fleet);
    await lamp.setEdgeRule('night-light');
    await lamp.cut();
    for (const light of [100, 500, 200]) await lamp.measure(light);
    await lamp.heal();
    await lamp.measure(210);
    const decisions = await lamp.judged();
    expect(briefly(decisions)).toEqual(
      [true, false, true].map((raised) => ['night-light', 1, raised, 'succeeded', 'data_missing']),
    );
    expect(decisions[0]!.sentences[1]).toBe('by its own report the rule decides the same');
    expect(lamp.did).toEqual([
      ['itself', true],
      ['itself', false],
      ['itself', true],
    ]);
  },
  2 * LIMIT_MS,
);

it(
  'a lamp alone is not the quorum: its neighbours saw otherwise, and that is told',
  async () => {
    const fleet = await stack.broker.newFleet();
    const devices = ['lamp-1', 'lamp-2', 'lamp-3'];
    await putRule(stack, fleet, { ...NIGHT_LIGHT, scope: { devices }, quorum: { policy: 'majority' } });
    const neighbours = await Promise.all(['lamp-2', 'lamp-3'].map((name) => connectDevice(fleet, name)));
    const lamp = await lampOnLink(fleet);
    await lamp.setEdgeRule('night-light');
    await lamp.cut();
    for (const neighbour of neighbours) await neighbour.sendReading({ light: 700 }, { qos: 1 });
    for (const name of ['lamp-2', 'lamp-3']) await stack.lastState(fleet, name, ({ light }) => light === 700);
    await lamp.measure(50);
    expect(lamp.did).toEqual([['itself', true]]);
    await lamp.heal();
    await lamp.measure(60);
    const [decision] = await lamp.judged();
    expect(briefly([decision!])).toEqual([['night-light', 1, true, 'succeeded', 'neighbours_disagreed']]);
    expect(decision!.sentences[0]).toBe(
      '3 of 3 sensors had spoken: 1 for, 2 against, together they say no (majority)',
    );
  },
  2 * LIMIT_MS,
);

it(
  'a lamp is told the new version of its rule, and that the rule is gone',
  async () => {
    const fleet = await stack.broker.newFleet();
    await putRule(stack, fleet, NIGHT_LIGHT);
    const lamp = await lampOnLink(fleet);
    await lamp.setEdgeRule('night-light');
    const goesBy = (version: string | null) =>
      until(async () => (await stack.get(lamp.path)).body.edgeRule.confirmed === version, {
        what: `the lamp to go by ${version}`,
        timeoutMs: LIMIT_MS,
      });
    await putRule(stack, fleet, { ...NIGHT_LIGHT, when: 'light < 200' }, { 'if-match': '"1"' });
    await goesBy('night-light@2');
    await stack.send('DELETE', `/v1/fleets/${fleet.name}/rules/night-light`, undefined, {
      'if-match': '"2"',
    });
    await goesBy(null);
    const { body } = await stack.get(lamp.path);
    expect(body.edgeRule).toEqual({ rule: 'night-light', told: null, confirmed: null });
  },
  2 * LIMIT_MS,
);

it(
  'a rule that the device cannot go by is refused, and one that is taken away is gone',
  async () => {
    const fleet = await stack.broker.newFleet();
    const settings = `/v1/fleets/${fleet.name}/devices/lamp-1/settings`;
    const put = (body: object) => stack.send('PUT', settings, body);
    expectProblem(await put({ edgeRule: 'night-light' }), 404, 'no-such-rule');
    expectProblem(await put({ edgeRule: 'night-light', telemetryInterval: '1s' }), 400, 'invalid-request');
    await putRule(stack, fleet, { ...NIGHT_LIGHT, scope: { devices: ['hall'] } });
    expectProblem(await put({ edgeRule: 'night-light' }), 400, 'invalid-request');
    const many = ['lamp-1', ...Array.from({ length: 500 }, (_, i) => `hall-${i}`)];
    await putRule(stack, fleet, { ...NIGHT_LIGHT, id: 'long', scope: { devices: many } });
    const { body } = await put({ edgeRule: 'long' });
    expect(body.errors[0].detail).toMatch(/does not fit a command: it must be at most 4096 bytes/);

    await putRule(stack, fleet, { ...NIGHT_LIGHT, id: 'fan' });
    const lamp = await lampOnLink(fleet);
    await lamp.setEdgeRule('fan');
    await lamp.setEdgeRule(null);
    await lamp.cut();
    await lamp.measure(50);
    expect(lamp.did).toEqual([]);
  },
  LIMIT_MS,
);
