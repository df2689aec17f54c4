// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { edgeRuleAction } from './edge-rule.js';
import { type RuleInput, ruleSchema } from './rule.js';

describe('the action that brings a device a rule', () => {
  const offered = (rule: Partial<RuleInput>) =>
    edgeRuleAction('lamp-1', {
      version: 1,
      since: 1,
      rule: ruleSchema.parse({ id: 'a', when: 'light < 300', then: { led_on: true }, ...rule }),
    });

  it('holds the rule whole', () => {
    expect(offered({})).toEqual({ action: { edge_rule: { version: 1, since: 1, rule: expect.anything() } } });
  });

  it.each<[problem: RegExp, rule: Partial<RuleInput>]>([
    [/not about device "lamp-1"/, { scope: { devices: ['hall-*'] } }],
    [/does not both count and command/, { quorum: { policy: 'any' }, target: { devices: ['siren'] } }],
    [/at most 4096 bytes/, { description: 'x'.repeat(500), then: { text: 'y'.repeat(3500) } }],
  ])('is none: %s', (problem, rule) => {
    expect(offered(rule)).toEqual({ problem: expect.stringMatching(problem) });
  });
});
