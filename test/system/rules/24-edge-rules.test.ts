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

/** A lamp whose link a test can cut. Records what it executed, and whether the server or its edge rule decided. */
async function lampOnLink(fleet: TestFleet, options: Partial<DeviceOptions> = {}) {
  const link = await openLink(Number(new URL(fleet.url).port));
  const executed: [decidedBy: 'server' | 'device', ledOn: unknown][] = [];
  let ledOn = false;
  const device = new DeviceClient({
    broker: parseBrokerUrl(link.through(fleet.url)),
    fleet: fleet.name,
    device: 'lamp-1',
    edgeRules: true,
    fallbackAfterMs: 0,
    backoff: { firstMs: 50, maxMs: 200 },
    execute: ({ led_on }: Action, envelope) => {
      executed.push([envelope === undefined ? 'device' : 'server', led_on]);
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
    executed,
    /** Publishes a reading, and waits for the edge rule to act on it. */
    measure: async (light: number) => {
      await device.publish({ light, led_on: ledOn });
      await new Promise((resolve) => setImmediate(resolve));
    },
    /** Cuts the link; from then on the edge rule decides. */
    cut: async () => {
      link.stall();
      link.cut();
      await until(() => !device.online, { what: 'the lamp to be offline' });
    },
    heal: async () => {
      link.heal();
      await until(() => device.online, { what: 'the lamp to be online again', timeoutMs: LIMIT_MS });
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
    decisionsWithJudgement: () =>
      until(
        async () => {
          const { body } = await stack.get(`${path}/edge-decisions`);
          const { decisions } = edgeDecisionsSchema.parse(body);
          return (
            decisions.length > 0 && decisions.every(({ judgement }) => judgement !== 'pending') && decisions
          );
        },
        { what: 'the judgement of all decisions', timeoutMs: LIMIT_MS, everyMs: 100 },
      ),
  };
}

const summaryOf = (decisions: EdgeDecisionsBody['decisions']) =>
  decisions.map(({ rule, version, raised, status, judgement }) => [rule, version, raised, status, judgement]);

it(
  'a lamp evaluates the rule while its link is down, and switches nothing twice when it reconnects',
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
    await until(() => lamp.executed.length === 1, { what: 'the first command' });

    await lamp.cut();
    await lamp.measure(450);
    await lamp.measure(120);
    await lamp.measure(315);
    expect(lamp.executed).toEqual([
      ['server', false],
      ['device', true],
    ]);
    await lamp.heal();
    await lamp.measure(316);
    await until(() => lamp.device.waiting === 0, { what: 'all readings to be stored', timeoutMs: LIMIT_MS });

    const [decision] = await lamp.decisionsWithJudgement();
    expect(summaryOf([decision!])).toEqual([['night-light', 1, true, 'succeeded', 'agrees']]);
    expect(decision!.sentences.join('\n')).toContain('light was 120, below 300');
    // Between the thresholds, the server keeps the verdict of the edge rule, not its own older one.
    expect(lamp.executed).toHaveLength(2);
    await lamp.measure(400);
    await until(() => lamp.executed.length === 3, { what: 'the server to decide again' });
    expect(lamp.executed[2]).toEqual(['server', false]);
    const agreed = () => stack.metric('lamplighter_edge_decisions_total', { judgement: 'agrees' });
    await until(async () => (await agreed()) === 1, { what: 'the judgement to be counted' });
  },
  2 * LIMIT_MS,
);

it(
  'a lamp that does not keep readings still reports its decisions, with the judgement data_missing',
  async () => {
    const fleet = await stack.broker.newFleet();
    await putRule(stack, fleet, NIGHT_LIGHT);
    const lamp = await lampOnLink(fleet);
    await lamp.setEdgeRule('night-light');
    await lamp.cut();
    for (const light of [100, 500, 200]) await lamp.measure(light);
    await lamp.heal();
    await lamp.measure(210);
    const decisions = await lamp.decisionsWithJudgement();
    expect(summaryOf(decisions)).toEqual(
      [true, false, true].map((raised) => ['night-light', 1, raised, 'succeeded', 'data_missing']),
    );
    expect(decisions[0]!.sentences[1]).toBe("the rule decides the same on the device's own report");
    expect(lamp.executed).toEqual([
      ['device', true],
      ['device', false],
      ['device', true],
    ]);
  },
  2 * LIMIT_MS,
);

it(
  'a decision that contradicts the quorum gets the judgement neighbours_disagreed',
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
    expect(lamp.executed).toEqual([['device', true]]);
    await lamp.heal();
    await lamp.measure(60);
    const [decision] = await lamp.decisionsWithJudgement();
    expect(summaryOf([decision!])).toEqual([['night-light', 1, true, 'succeeded', 'neighbours_disagreed']]);
    expect(decision!.sentences[0]).toBe(
      '3 of 3 sensors had voted: 1 for, 2 against; the decision is no (majority)',
    );
  },
  2 * LIMIT_MS,
);

it(
  'a lamp receives each new version of its rule, and the removal of the rule',
  async () => {
    const fleet = await stack.broker.newFleet();
    await putRule(stack, fleet, NIGHT_LIGHT);
    const lamp = await lampOnLink(fleet);
    await lamp.setEdgeRule('night-light');
    const waitForConfirmed = (version: string | null) =>
      until(async () => (await stack.get(lamp.path)).body.edgeRule.confirmed === version, {
        what: `the lamp to confirm ${version}`,
        timeoutMs: LIMIT_MS,
      });
    await putRule(stack, fleet, { ...NIGHT_LIGHT, when: 'light < 200' }, { 'if-match': '"1"' });
    await waitForConfirmed('night-light@2');
    await stack.send('DELETE', `/v1/fleets/${fleet.name}/rules/night-light`, undefined, {
      'if-match': '"2"',
    });
    await waitForConfirmed(null);
    const { body } = await stack.get(lamp.path);
    expect(body.edgeRule).toEqual({ rule: 'night-light', told: null, confirmed: null });
  },
  2 * LIMIT_MS,
);

it(
  'an edge rule that cannot run on the device is rejected, and a removed one no longer decides',
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
    expect(lamp.executed).toEqual([]);
  },
  LIMIT_MS,
);
