// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { edgeRuleAction } from './edge-rule.js';
import { type RuleInput, ruleSchema } from './rule.js';

describe('edgeRuleAction', () => {
  const actionFor = (rule: Partial<RuleInput>) =>
    edgeRuleAction('lamp-1', {
      version: 1,
      since: 1,
      rule: ruleSchema.parse({ id: 'a', when: 'light < 300', then: { led_on: true }, ...rule }),
    });

  it('contains the rule', () => {
    expect(actionFor({})).toEqual({
      action: { edge_rule: { version: 1, since: 1, rule: expect.anything() } },
    });
  });

  it.each<[problem: RegExp, rule: Partial<RuleInput>]>([
    [/does not apply to device "lamp-1"/, { scope: { devices: ['hall-*'] } }],
    [/does not both count and command/, { quorum: { policy: 'any' }, target: { devices: ['siren'] } }],
    [/at most 4096 bytes/, { description: 'x'.repeat(500), then: { text: 'y'.repeat(3500) } }],
  ])('returns a problem: %s', (problem, rule) => {
    expect(actionFor(rule)).toEqual({ problem: expect.stringMatching(problem) });
  });
});
