import { ExpressionInvalid } from '../expression/expression.js';
import { compileRule } from './compile-rule.js';
import { type RuleInput, ruleSchema } from './rule.js';

const compiled = (more: Partial<RuleInput>) =>
  compileRule(ruleSchema.parse({ id: 'r', when: 'light < 300', then: { led_on: true }, ...more }), 5, 3);

describe('compileRule', () => {
  it('converts durations to milliseconds and fills in defaults', () => {
    expect(compiled({ hold: '10s', command: { ttl: '2m' } })).toMatchObject({
      version: 5,
      since: 3,
      enabled: true,
      scope: '*',
      maxAgeMs: 30_000,
      holdMs: 10_000,
      dwellMs: 0,
      ttlMs: 120_000,
      timeoutMs: 60_000,
      reassertMs: 60_000,
      mode: 'change',
      policy: 'latest',
    });
    expect(compiled({ reassert: 'never' }).reassertMs).toBe(Number.POSITIVE_INFINITY);
  });

  it.each<[Partial<RuleInput>, number, string[]]>([
    [{}, 0, ['led_on', 'light']],
    [{ else: { heat: 1 } }, 0, ['heat', 'led_on', 'light']],
    [{ clear: 'light > last.light + 5' }, 2, ['led_on', 'light']],
    [{ deadband: { of: 'window.avg("heat", "1m")', by: 1 } }, 240, ['heat', 'led_on', 'light']],
  ])('collects window depth and names of %j', (more, depth, names) => {
    const rule = compiled(more);
    expect(rule.depth).toBe(depth);
    expect([...rule.names].sort()).toEqual(names);
  });

  it('lists each window once', () => {
    const text = 'window.avg("light", "1m")';
    expect(compiled({ when: `${text} < 300`, clear: `${text} > 330` }).windows).toEqual([
      { fn: 'avg', measurement: 'light', ms: 60_000 },
    ]);
  });

  it('compiles "when" for the value of a measuring quorum and for the readings of a counting one', () => {
    const measuring = compiled({ when: 'value < 300', quorum: { policy: 'median', of: 'light' } });
    expect(measuring.when?.evaluate({ reading: {}, value: 200 })).toBe(true);
    expect(measuring.quorum?.measure?.evaluate({ reading: { light: 7 } })).toBe(7);
    const counting = compiled({ quorum: { policy: 'majority' } });
    expect(counting.when?.evaluate({ reading: { light: 7 } })).toBe(true);
  });

  it.each<[Partial<RuleInput>]>([
    [{ when: 'light <' }],
    [{ clear: '1 + 2' }],
    [{ run: { seconds: 'light < 3', max: '1m' }, else: { led_on: false } }],
    [{ effect: { expect: 'frobnicate(light)', within: '10s' } }],
  ])('throws on %j', (more) => {
    expect(() => compiled(more)).toThrow(ExpressionInvalid);
  });
});
