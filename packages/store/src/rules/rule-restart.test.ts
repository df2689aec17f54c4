// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { type RuleInput, ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { resetsState } from './rule-restart.js';

const rule = (changes: Partial<RuleInput> = {}) =>
  ruleSchema.parse({ id: 'r', when: 'light < 300', then: { led_on: true, dim: 3 }, ...changes });
const QUORUM = { policy: 'majority' } as const;

it.each<[what: string, before: Partial<RuleInput>, after: Partial<RuleInput>]>([
  ['nothing', {}, {}],
  ['a default that is spelled out', {}, { hold: '0s', reassert: '1m' }],
  ['the description', { description: 'on' }, { description: 'lights up' }],
  ['whom it judges', {}, { scope: { devices: ['lamp-*'] } }],
  ['what telemetry should show afterwards', {}, { effect: { expect: 'light > last.light', within: '10s' } }],
  ['that it is switched off', {}, { enabled: false }],
])('a rule of which %s changes goes on', (_what, before, after) => {
  expect(resetsState(rule(before), rule(after))).toBe(false);
});

it.each<[what: string, before: Partial<RuleInput>, after: Partial<RuleInput>]>([
  ['its condition', {}, { when: 'light < 200' }],
  ['its clear', {}, { clear: 'light > 330' }],
  ['a time', {}, { hold: '2s' }],
  ['its action', {}, { then: { led_on: false, dim: 3 } }],
  ['the first key of its action, which names the lane', {}, { then: { dim: 3, led_on: true } }],
  ['how it is delivered', {}, { command: { ttl: '5m' } }],
  ['that it is switched on', { enabled: false }, {}],
  ['its quorum', { quorum: QUORUM }, { quorum: { policy: 'any' } }],
  ['who votes', { quorum: QUORUM }, { quorum: QUORUM, scope: { devices: ['lamp-*'] } }],
])('a rule of which %s changes begins anew', (_what, before, after) => {
  expect(resetsState(rule(before), rule(after))).toBe(true);
});
