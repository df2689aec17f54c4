// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { shardOfCommand } from '@lamplighter/store/commands/command-id';
import { commandKeys, ruleVersionsKey } from '@lamplighter/store/keys';
import type { TestDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { whySchema } from '../../../services/api/src/why/why.schema.js';
import { connected } from '../../../tools/test-kit/src/store/store-under-test.js';
import { acknowledge, connectAnnounced, idOf } from '../announced-device.js';
import { fleetWith } from '../rule-requests.js';
import { type SharedStack, sharedStack } from '../stack.js';
import { LIMIT_MS, parsed, READING_LIGHT, report, whyNot } from './reading-light.js';

let stack: SharedStack;
beforeAll(async () => {
  stack = await sharedStack();
}, LIMIT_MS);

const why = async (id: unknown) => parsed(whySchema, await stack.get(`/v1/commands/${String(id)}/why`));

/** Acknowledges a command; settles when its state has changed. */
async function complete(device: TestDevice, id: string, status: string, more: object = {}) {
  await acknowledge(device, id, status, more);
  await until(async () => (await stack.get(`/v1/commands/${id}`)).body.state === status, {
    what: `command ${id} to be ${status}`,
  });
}

describe('why', () => {
  it(
    'shows the evidence, the rule version and each step of the delivery',
    async () => {
      const fleet = await fleetWith(stack, { ...READING_LIGHT, dwell: '100ms', cooldown: '200ms' });
      const lamp = await connectAnnounced(stack, fleet, 'lamp');
      await report(stack, fleet, lamp, 400);
      await complete(lamp, idOf(await lamp.nextCommand()), 'succeeded');
      const since = performance.now();
      await until(() => performance.now() - since >= 200, { what: 'the end of the dwell' });
      await report(stack, fleet, lamp, 212);
      const id = idOf(await lamp.nextCommand());
      await complete(lamp, id, 'failed', { reason: 'no bulb' });

      const explanation = await why(id);
      expect(explanation).toMatchObject({
        ...{
          id,
          device: 'lamp',
          action: { led_on: true },
          source: 'rule',
          rule: READING_LIGHT.id,
          state: 'failed',
        },
        because: {
          ...{ version: 1, replayed: true, reading: { light: 212 }, ageMs: 0 },
          ...{ document: { when: 'light < 300', cooldown: '200ms' }, state: { raised: false } },
        },
        delivery: [
          { state: 'pending', cause: `rule:${READING_LIGHT.id}` },
          { state: 'dispatched', attempt: 1, cause: 'emit', sentence: 'sent to the device immediately' },
          { state: 'failed', cause: 'device', sentence: 'the device reported a failure: no bulb' },
        ],
      });
      const text = explanation.sentences.join('\n');
      expect(text).toContain('rule "reading-light", version 1, issued {"led_on":true} for lamp');
      expect(text).toContain('it evaluated a reading of lamp on arrival');
      expect(text).toMatch(/before that, it had been lowered for [\d.]+ m?s/);
      expect(text).toContain('light was 212, below 300: "light < 300" held');
      expect(text).toMatch(/the verdict had lasted for [\d.]+ m?s, at least 100 ms \(dwell\)/);
      expect(text).toContain('the device reported a failure: no bulb');
    },
    LIMIT_MS,
  );

  it(
    'replays the original version after the rule changed, and reports a pruned version or altered evidence',
    async () => {
      const fleet = await fleetWith(stack, READING_LIGHT);
      const lamp = await connectAnnounced(stack, fleet, 'lamp');
      await report(stack, fleet, lamp, 212);
      const id = idOf(await lamp.nextCommand());
      const changed = { ...READING_LIGHT, when: 'light < 100', clear: undefined };
      const path = `/v1/fleets/${fleet.name}/rules/${READING_LIGHT.id}`;
      expect((await stack.send('PUT', path, changed, { 'if-match': '*' })).status).toBe(200);
      expect((await why(id)).because).toMatchObject({ version: 1, replayed: true });

      const redis = await connected(stack.redis.url);
      const [commandsKey] = commandKeys(shardOfCommand(id)!) as [string];
      const stored = (await redis.hget(commandsKey, id))!;
      await redis.hset(commandsKey, id, stored.replace('"light":212', '"light":312'));
      const altered = await why(id);
      expect(altered.because).toMatchObject({ replayed: false, reading: { light: 312 } });
      expect(altered.sentences.join('\n')).toContain('lead to {"led_on":false} instead');
      await redis.hset(commandsKey, id, stored);

      await redis.ltrim(ruleVersionsKey(fleet.name, READING_LIGHT.id), 0, 0);
      const pruned = await why(id);
      expect(pruned.because).toMatchObject({ version: 1, replayed: false, reading: { light: 212 } });
      expect(pruned.because).not.toHaveProperty('document');
      expect(pruned.sentences.join('\n')).toContain('version 1 of the rule has been pruned');
      expect(pruned.sentences.join('\n')).toContain('in the reading, light was 212');
    },
    LIMIT_MS,
  );

  it(
    'shows the votes of a quorum',
    async () => {
      const fleet = await fleetWith(stack, {
        ...{ id: 'hall', when: 'light < 300', then: { led_on: true }, else: { led_on: false } },
        ...{
          scope: { devices: ['a', 'b', 'c'] },
          quorum: { policy: 'majority' },
          target: { devices: ['hall'] },
        },
      });
      const [hall, ...sensors] = await Promise.all(
        ['hall', 'a', 'b', 'c'].map((name) => connectAnnounced(stack, fleet, name)),
      );
      for (const [i, sensor] of sensors.entries()) await report(stack, fleet, sensor, [212, 900, 250][i]!);
      const issued = await until(
        async () => {
          const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/hall/commands`);
          const command = body.commands.find(({ action }: { action: { led_on: boolean } }) => action.led_on);
          return command as { id: string } | undefined;
        },
        { what: 'the command of the group' },
      );
      const explanation = await why(issued.id);
      expect(explanation.because).toMatchObject({ replayed: true, tally: { yes: 2, fresh: 3, needs: 2 } });
      expect(explanation.sentences.join('\n')).toMatch(
        /2 voted yes and 1 no \(majority\)\na voted yes, .* earlier\nb voted no/,
      );
      expect(hall!.device).toBe('hall');
      const groupState = await whyNot(stack, fleet, 'b', 'hall');
      expect(groupState).toMatchObject({ outcome: 'raised', tally: { yes: 2, no: 1 } });
      expect(groupState.sentences.join('\n')).toContain('b only votes in it\nb voted no');
    },
    LIMIT_MS,
  );

  it(
    'names the client or rollout that issued a command, and returns 404 for an unknown one',
    async () => {
      const fleet = await fleetWith(stack);
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

      await (await connectAnnounced(stack, fleet, 'lamp')).sendReading({ light: 1 }, { qos: 1 });
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
