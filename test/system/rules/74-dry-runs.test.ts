// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { deviceTopic } from '@lamplighter/contracts/topics';
import { connectDevice } from '@lamplighter/test-kit/device';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import { dryRunSchema } from '../../../services/api/src/dry-runs/dry-run.schema.js';
import { fleetWith } from '../rule-requests.js';
import { type SharedStack, sharedStack } from '../stack.js';
import { LIMIT_MS, parsed, READING_LIGHT, report } from './reading-light.js';

let stack: SharedStack;
beforeAll(async () => {
  stack = await sharedStack();
}, LIMIT_MS);

const dryRun = async (fleet: TestFleet, body: object) =>
  parsed(dryRunSchema, await stack.send('POST', `/v1/fleets/${fleet.name}/rules/dry-run`, body));

describe('dry run', () => {
  it(
    'returns the action for a reading, and the rule state for the next one',
    async () => {
      const fleet = await fleetWith(stack);
      const rule = { ...READING_LIGHT, hold: '10s' };
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

  it('warns only about measurements that no device of a large fleet has sent', async () => {
    const fleet = await fleetWith(stack);
    const client = await connectDevice(fleet, 'a-00');
    for (let i = 0; i < 60; i++)
      await client.publish(deviceTopic(fleet.name, 'telemetry', `a-${i}`), { light: i }, { qos: 1 });
    await report(stack, fleet, client, 500);
    const rare = deviceTopic(fleet.name, 'telemetry', 'z-99');
    const rule = { id: 'fan', when: 'heat > 30', then: { fan: 'fast' } };
    await until(
      async () => {
        await client.publish(rare, { heat: 20 }, { qos: 1 });
        return (await dryRun(fleet, { rule, reading: { heat: 31 } })).warnings === undefined;
      },
      { what: 'the only reading with heat to be stored' },
    );
    // A device can send each measurement in a separate reading; its last state then holds only one of them.
    await client.publish(rare, { humidity: 40 }, { qos: 1 });
    await stack.lastState(fleet, 'z-99', ({ humidity }) => humidity === 40);
    const { warnings, sentences } = await dryRun(fleet, { rule, reading: { heat: 31 } });
    expect(warnings).toBeUndefined();
    expect(sentences.at(-1)).toBe('this was the first verdict: raised, so {"fan":"fast"} would be sent');
    const misspelt = await dryRun(fleet, { rule: { ...rule, when: 'haet > 30' }, reading: { heat: 31 } });
    expect(misspelt.warnings).toEqual([
      { pointer: '/when', detail: "no reading has had 'haet' yet, did you mean 'heat'?" },
    ]);
  });

  it('points at each invalid field', async () => {
    const fleet = await fleetWith(stack);
    const path = `/v1/fleets/${fleet.name}/rules/dry-run`;
    const bad = await stack.send('POST', path, {
      rule: { ...READING_LIGHT, when: 'light <' },
      reading: { light: 1 },
    });
    expect(bad).toMatchObject({ status: 422, body: { errors: [{ in: 'body', pointer: '/rule/when' }] } });
    const odd = await stack.send('POST', path, {
      rule: READING_LIGHT,
      reading: { light: 1, _seq: 'x' },
      later: 1,
    });
    expect(odd.status).toBe(400);
    const pointers = odd.body.errors.map(({ pointer }: { pointer: string }) => pointer);
    expect(pointers).toEqual(expect.arrayContaining(['/reading/_seq', '/later']));
  });
});
