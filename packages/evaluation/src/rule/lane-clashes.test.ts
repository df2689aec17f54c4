// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import { drivenBy, drivenByCommand, laneClashes } from './lane-clashes.js';
import { type RuleInput, ruleSchema } from './rule.js';

const rule = (more: Partial<RuleInput> = {}) =>
  ruleSchema.parse({ id: 'r', when: 'light < 300', then: { led_on: true }, ...more });
const LED = { command: { lane: 'led' } };

it.each<[what: string, other: Partial<RuleInput>, clashes: object[]]>([
  ['the same lane', {}, []],
  ['another lane', LED, [{ key: 'led_on', lane: 'led_on', other: 'led' }]],
  ['another key', { ...LED, then: { fan: true } }, []],
  ['a disabled rule', { ...LED, enabled: false }, []],
  ['other devices', { ...LED, scope: { devices: ['hall-*'] } }, []],
  [
    'some of the devices',
    { ...LED, scope: { devices: ['lamp-0*'] } },
    [{ key: 'led_on', lane: 'led_on', other: 'led' }],
  ],
  [
    'a named device',
    { ...LED, scope: { devices: ['lamp-1'] } },
    [{ key: 'led_on', lane: 'led_on', other: 'led' }],
  ],
  [
    'an else',
    { then: { fan: 1 }, else: { fan: 0, led_on: 0 } },
    [{ key: 'led_on', lane: 'led_on', other: 'fan' }],
  ],
])('laneClashes for two rules: %s', (_what, other, clashes) => {
  const one = drivenBy(rule({ scope: { devices: ['lamp-*'] } }));
  expect(laneClashes(one, drivenBy(rule(other)))).toEqual(clashes);
});

it('laneClashes for a command and a rule', () => {
  const one = drivenBy(rule({ scope: { devices: ['lamp-1'] } }));
  expect(laneClashes(drivenByCommand(['lamp-1'], { led_on: false }, 'led'), one)).toEqual([
    { key: 'led_on', lane: 'led', other: 'led_on' },
  ]);
  expect(laneClashes(drivenByCommand(['lamp-1'], { led_on: false }, undefined), one)).toEqual([]);
  expect(laneClashes(drivenByCommand(['lamp-2'], { led_on: false }, 'led'), one)).toEqual([]);
});
