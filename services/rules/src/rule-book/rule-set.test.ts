// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { type DeviceScope, inScope } from '@lamplighter/contracts/rules/device-scope';
import { compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type RuleInput, ruleSchema } from '@lamplighter/evaluation/rule/rule';
import fc from 'fast-check';
import { RuleSet } from './rule-set.js';

const compiled = (id: string, devices: DeviceScope, more: Partial<RuleInput> = {}) =>
  compileRule(
    ruleSchema.parse({ id, scope: { devices }, when: 'light < 300', then: { led_on: true }, ...more }),
    1,
    1,
  );

it('finds the rules of a device by `*`, name and prefix, each once and in order', () => {
  const rules = new RuleSet([
    compiled('a', ['lamp-1']),
    compiled('b', '*'),
    compiled('c', ['lamp-*', 'lamp-1', 'l*']),
    compiled('d', ['fan-*']),
    compiled('e', ['lamp-10*']),
  ]);
  const idsFor = (device: string) => rules.forDevice(device).map(({ id }) => id);
  expect(idsFor('lamp-1')).toEqual(['a', 'b', 'c']);
  expect(idsFor('lamp-10')).toEqual(['b', 'c', 'e']);
  expect(idsFor('lamp')).toEqual(['b', 'c']);
  expect(idsFor('fan-1')).toEqual(['b', 'd']);
  expect(idsFor('pump')).toEqual(['b']);
  expect([rules.size, rules.get('d')?.id, rules.get('x')]).toEqual([5, 'd', undefined]);
});

it('finds the same rules as a check of every scope', () => {
  const device = fc.stringMatching(/^[ab][ab.]{0,4}$/);
  const scope = fc.oneof(
    fc.constant<DeviceScope>('*'),
    fc.array(
      fc.oneof(
        device,
        device.map((name) => `${name}*`),
      ),
      { minLength: 1, maxLength: 4 },
    ),
  );
  fc.assert(
    fc.property(fc.array(scope, { maxLength: 8 }), device, (scopes, name) => {
      const rules = scopes.map((devices, i) => compiled(`r${i}`, devices));
      expect(new RuleSet(rules).forDevice(name)).toEqual(rules.filter(({ scope: of }) => inScope(of, name)));
    }),
  );
});

it('lists quorum rules as groups', () => {
  const rules = new RuleSet([compiled('a', '*'), compiled('b', '*', { quorum: { policy: 'majority' } })]);
  expect(rules.groups.map(({ id }) => id)).toEqual(['b']);
  expect(rules.forDevice('lamp-1').map(({ id }) => id)).toEqual(['a', 'b']);
});

it('finds the re-asserting quorums that command a device', () => {
  const quorum = { policy: 'majority' } as const;
  const rules = new RuleSet([
    compiled('a', ['mast-*'], { quorum, target: { devices: ['lamp-*', 'siren'] } }),
    compiled('b', ['mast-1', 'lamp-1'], { quorum }),
    compiled('c', '*', { quorum, target: { devices: '*' }, reassert: 'never' }),
    compiled('d', '*', { quorum, target: { devices: '*' }, enabled: false }),
    compiled('e', '*'),
  ]);
  const idsFor = (device: string) => rules.forTarget(device).map(({ id }) => id);
  expect(['lamp-1', 'lamp-2', 'siren', 'mast-1', 'mast-2'].map(idsFor)).toEqual([
    ['a', 'b'],
    ['a'],
    ['a'],
    ['b'],
    [],
  ]);
});
