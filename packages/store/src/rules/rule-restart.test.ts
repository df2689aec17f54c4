// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { type RuleInput, ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { resetsState } from './rule-restart.js';

const rule = (changes: Partial<RuleInput> = {}) =>
  ruleSchema.parse({ id: 'r', when: 'light < 300', then: { led_on: true, dim: 3 }, ...changes });
const QUORUM = { policy: 'majority' } as const;

it.each<[what: string, before: Partial<RuleInput>, after: Partial<RuleInput>]>([
  ['without a change', {}, {}],
  ['with an explicit default', {}, { hold: '0s', reassert: '1m' }],
  ['with another description', { description: 'on' }, { description: 'lights up' }],
  ['with another scope', {}, { scope: { devices: ['lamp-*'] } }],
  ['with another expected effect', {}, { effect: { expect: 'light > last.light', within: '10s' } }],
  ['that is disabled', {}, { enabled: false }],
])('a rule %s keeps its states', (_what, before, after) => {
  expect(resetsState(rule(before), rule(after))).toBe(false);
});

it.each<[what: string, before: Partial<RuleInput>, after: Partial<RuleInput>]>([
  ['with another condition', {}, { when: 'light < 200' }],
  ['with another clear condition', {}, { clear: 'light > 330' }],
  ['with another hold', {}, { hold: '2s' }],
  ['with another action', {}, { then: { led_on: false, dim: 3 } }],
  ['with another first key of its action, which names the lane', {}, { then: { dim: 3, led_on: true } }],
  ['with another delivery', {}, { command: { ttl: '5m' } }],
  ['that is enabled again', { enabled: false }, {}],
  ['with another quorum', { quorum: QUORUM }, { quorum: { policy: 'any' } }],
  ['with other voters in a quorum', { quorum: QUORUM }, { quorum: QUORUM, scope: { devices: ['lamp-*'] } }],
])('a rule %s resets its states', (_what, before, after) => {
  expect(resetsState(rule(before), rule(after))).toBe(true);
});
