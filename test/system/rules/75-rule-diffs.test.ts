// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import type { RuleInput } from '@lamplighter/evaluation/rule/rule';
import { connectDevice } from '@lamplighter/test-kit/device';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { stopwatch } from '@lamplighter/test-kit/stopwatch';
import { until } from '@lamplighter/test-kit/until';
import { ruleDiffSchema } from '../../../services/api/src/dry-runs/rule-diff.schema.js';
import { fleetWith } from '../rule-requests.js';
import { type Stack, startStack } from '../stack.js';
import { LIMIT_MS, parsed, READING_LIGHT } from './reading-light.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, LIMIT_MS);

const diff = async (fleet: TestFleet, body: object, rule: string = READING_LIGHT.id) =>
  parsed(ruleDiffSchema, await stack.send('POST', `/v1/fleets/${fleet.name}/rules/${rule}/diff`, body));

describe('rule diff', () => {
  it(
    'finds the commands that a changed rule would add, drop and move on the recorded readings',
    async () => {
      const fleet = await fleetWith(stack, READING_LIGHT);
      const lamp = await connectDevice(fleet, 'lamp');
      const start = Date.now() - 60_000;
      for (const [i, light] of [400, 280, 340, 200, 400].entries())
        await lamp.sendReading({ light, _seq: i + 1, _at: start + i * 10_000 }, { qos: 1 });
      await stack.lastState(fleet, 'lamp', () => true);
      await until(async () => (await diff(fleet, { candidate: READING_LIGHT })).recording.readings === 5, {
        what: 'the readings in the window',
      });
      const at = (i: number) => new Date(start + i * 10_000).toISOString();

      const self = await diff(fleet, { candidate: READING_LIGHT });
      expect(self).toMatchObject({
        version: 1,
        devices: [],
        changedDevices: 0,
        recording: { devices: 1, isCut: false },
      });
      expect(self.commands).toEqual({ present: 5, candidate: 5, same: 5, added: 0, dropped: 0, moved: 0 });

      const stricter = await diff(fleet, { candidate: { ...READING_LIGHT, when: 'light < 250' } });
      expect(stricter.commands).toMatchObject({ added: 0, dropped: 2 });
      expect(stricter.devices[0]).toMatchObject({
        device: 'lamp',
        changes: [
          { kind: 'dropped', at: at(1), action: { led_on: true } },
          { kind: 'dropped', at: at(2), action: { led_on: false } },
        ],
      });
      // In the other direction, the same two are added.
      const path = `/v1/fleets/${fleet.name}/rules/${READING_LIGHT.id}`;
      const { status } = await stack.send(
        'PUT',
        path,
        { ...READING_LIGHT, when: 'light < 250' },
        { 'if-match': '*' },
      );
      expect(status).toBe(200);
      const looser = await diff(fleet, { candidate: READING_LIGHT });
      expect(looser).toMatchObject({ version: 2, commands: { added: 2, dropped: 0 } });
      expect(looser.sentences).toContain(`lamp, ${at(1)}: {"led_on":true} is added`);
      expect((await diff(fleet, { candidate: READING_LIGHT, version: 1 })).commands.same).toBe(5);
      expect((await diff(fleet, { candidate: READING_LIGHT, version: 0 })).commands).toMatchObject({
        present: 0,
        added: 5,
      });

      const later = await diff(fleet, { candidate: { ...READING_LIGHT, hold: '4s' }, version: 1 });
      expect(later.devices[0]?.changes.at(-1)).toMatchObject({ kind: 'moved', at: at(4), byMs: 4000 });
      // The first verdict, lowered, has nothing to hold against.
      expect(later.commands).toMatchObject({ same: 1, added: 0, dropped: 0, moved: 4 });
    },
    LIMIT_MS,
  );

  it(
    'runs on an uploaded recording, for quorum rules too, and points at invalid entries',
    async () => {
      const quorum: RuleInput = {
        ...READING_LIGHT,
        scope: { devices: ['a', 'b', 'c'] },
        quorum: { policy: 'majority' },
      };
      const fleet = await fleetWith(stack, quorum);
      const recording = [
        ...['a', 'b', 'c'].map((device) => ({ device, at: '2026-11-22T12:00:00Z', reading: { light: 400 } })),
        { device: 'a', at: '2026-11-22T12:00:10Z', reading: { light: 20 } },
      ];
      const anySensor = await diff(fleet, { candidate: { ...quorum, quorum: { policy: 'any' } }, recording });
      expect(anySensor).toMatchObject({
        recording: { source: 'upload', devices: 3, readings: 4 },
        commands: { present: 1, candidate: 2, same: 1, added: 1 },
        devices: [{ targets: ['a', 'b', 'c'], changes: [{ kind: 'added', at: '2026-11-22T12:00:10.000Z' }] }],
      });

      const path = `/v1/fleets/${fleet.name}/rules/${READING_LIGHT.id}/diff`;
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
        candidate: READING_LIGHT,
      });
      expect(nothing.status).toBe(404);
    },
    LIMIT_MS,
  );

  it(
    'aborts a diff that takes too long, limits concurrent diffs, and keeps serving other requests',
    async () => {
      const fleet = await fleetWith(stack, READING_LIGHT);
      // A loop over a list of a hundred, on each of 20,000 readings.
      const list = Array.from({ length: 100 }, (_, i) => i).join(',');
      const when = `[${list}].exists(i, [${list}].exists(k, i * k < -light))`;
      const recording = Array.from({ length: 20_000 }, (_, i) => ({
        device: 'lamp',
        at: 1000 + i,
        reading: { light: 1 },
      }));
      const path = `/v1/fleets/${fleet.name}/rules/${READING_LIGHT.id}/diff`;
      const body = JSON.stringify({ candidate: { ...READING_LIGHT, when, clear: undefined }, recording });
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
      const responses = await runs;
      expect(responses.map(({ status }) => status).sort()).toEqual([422, 422, 429]);
      const rejected = responses.find(({ status }) => status === 429)!;
      expect(rejected.headers.get('retry-after')).toBe('5');
      expect(responses.find(({ status }) => status === 422)!.body.type).toBe(
        'urn:lamplighter:problem:too-much-work',
      );
      expect(slowest).toBeLessThan(2000);
      // If the machine stalls, a request may find Redis unavailable once.
      expect(unserved).toBeLessThan(2);
    },
    LIMIT_MS,
  );
});
