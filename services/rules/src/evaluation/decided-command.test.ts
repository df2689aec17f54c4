// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import type { PromisedEnd } from '@lamplighter/evaluation/context/rule-state';
import type { Evidence } from '@lamplighter/evaluation/evaluate/evidence';
import { compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type RuleInput, ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { commandOf, endingCommandOf } from './decided-command.js';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const ORIGIN = { arrivedAt: 5, traceparent: TRACEPARENT };
const BECAUSE = { kind: 'test' } as unknown as Evidence;
const compiled = (more: Partial<RuleInput> = {}) =>
  compileRule(
    ruleSchema.parse({
      id: 'night-light',
      when: 'light < 300',
      then: { led_on: true },
      else: { led_on: false },
      ...more,
    }),
    3,
    2,
  );

describe('commandOf', () => {
  it('takes the delivery from the rule and the lane from the action', () => {
    const rule = compiled({ command: { policy: 'ordered', ttl: '5m', attempts: 3 } });
    const command = commandOf(rule, { action: { led_on: true }, raise: true, because: BECAUSE }, 17, ORIGIN);
    expect(command).toMatchObject({
      ...{ lane: 'led_on', policy: 'ordered', ttl: 300_000, attempts: 3, cause: 'rule:night-light' },
      ...{ actionJson: '{"led_on":true}', arrivedAt: 5, traceparent: TRACEPARENT, rule },
    });
    expect(command.id).toMatch(/-17$/);
    expect(JSON.parse(command.json)).toMatchObject({
      ...{ source: 'rule', rule: 'night-light', because: BECAUSE, traceparent: TRACEPARENT },
    });
  });

  it('prefers the lane of the rule', () => {
    const rule = compiled({ command: { lane: 'front' } });
    const emission = { action: { led_on: true }, raise: true, because: BECAUSE };
    expect(commandOf(rule, emission, 0, ORIGIN).lane).toBe('front');
  });

  it('expects an effect only of `then`', () => {
    const rule = compiled({ effect: { expect: 'light > last.light', within: '1m' } });
    const jsonOf = (raise: boolean): unknown => {
      const emission = { action: { led_on: raise }, raise, because: BECAUSE };
      return JSON.parse(commandOf(rule, emission, 0, ORIGIN).json);
    };
    expect(jsonOf(true)).toMatchObject({ expect: 'light > last.light', effect_ms: 60_000 });
    expect(jsonOf(false)).not.toHaveProperty('expect');
  });
});

describe('endingCommandOf', () => {
  const end: PromisedEnd = {
    ...{ version: 1, action: { led_on: false }, lane: 'led_on', policy: 'latest' },
    ...{ ttlMs: 60_000, timeoutMs: 1000, attempts: 2 },
  };

  it('uses the promised end, even without a rule in force', () => {
    const command = endingCommandOf({ id: 'gone', rule: undefined }, end, BECAUSE, 4, ORIGIN);
    expect(command).toMatchObject({
      ...{ action: { led_on: false }, lane: 'led_on', policy: 'latest', ttl: 60_000, attempts: 2 },
      ...{ cause: 'promise:gone', rule: undefined },
    });
    expect(JSON.parse(command.json)).toMatchObject({ source: 'rule', rule: 'gone', because: BECAUSE });
  });
});
