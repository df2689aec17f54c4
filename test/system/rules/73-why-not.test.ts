// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { connectDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { fleetWith } from '../rule-requests.js';
import { type SharedStack, sharedStack } from '../stack.js';
import { LIMIT_MS, READING_LIGHT, report, whyNot } from './reading-light.js';

let stack: SharedStack;
beforeAll(async () => {
  stack = await sharedStack();
}, LIMIT_MS);

describe('why-not', () => {
  it(
    'names the clause that keeps a lamp off, with the values it compared',
    async () => {
      const fleet = await fleetWith(stack, READING_LIGHT, {
        ...READING_LIGHT,
        id: 'slow',
        hold: '10m',
        then: { slow: true },
        else: undefined,
      });
      const lamp = await connectDevice(fleet, 'lamp');
      await report(stack, fleet, lamp, 400);
      await lamp.nextCommand();
      await report(stack, fleet, lamp, 315);
      const within = await whyNot(stack, fleet, 'lamp');
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

      await report(stack, fleet, lamp, 212);
      expect(await lamp.nextCommand()).toEqual({ led_on: true });
      expect(await whyNot(stack, fleet, 'lamp')).toMatchObject({ outcome: 'raised', keptBy: ['clear'] });
      // The rules service may have read the rules between the two writes; the second rule is in force within a second.
      const held = await until(
        async () => {
          await report(stack, fleet, lamp, 212);
          const slow = await whyNot(stack, fleet, 'lamp', 'slow');
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
    'reports disabled rules, devices out of scope, and unknown rules and devices',
    async () => {
      const fleet = await fleetWith(
        stack,
        { ...READING_LIGHT, id: 'off', enabled: false },
        { ...READING_LIGHT, id: 'elsewhere', scope: { devices: ['hall-*'] } },
      );
      const lamp = await connectDevice(fleet, 'lamp');
      await report(stack, fleet, lamp, 212);
      expect(await whyNot(stack, fleet, 'lamp', 'off')).toMatchObject({
        outcome: 'disabled',
        keptBy: ['enabled'],
      });
      expect(await whyNot(stack, fleet, 'lamp', 'elsewhere')).toMatchObject({
        outcome: 'out_of_scope',
        sentences: ['lamp is not in the scope of rule "elsewhere"'],
      });
      const at = `/v1/fleets/${fleet.name}/devices`;
      const misspelt = await stack.get(`${at}/lamp/why-not?rule=elsewere`);
      expect(misspelt).toMatchObject({ status: 404, body: { type: 'urn:lamplighter:problem:no-such-rule' } });
      expect(misspelt.body.detail).toContain(`has no rule "elsewere", did you mean 'elsewhere'?`);
      expect(await stack.get(`${at}/unknown/why-not?rule=off`)).toMatchObject({ status: 404 });
      const unasked = await stack.get(`${at}/lamp/why-not`);
      expect(unasked).toMatchObject({ status: 400, body: { errors: [{ in: 'query', pointer: '/rule' }] } });
    },
    LIMIT_MS,
  );
});
