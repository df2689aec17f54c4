// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import {
  commandsOf,
  every,
  lesson,
  lowered,
  problemsOf,
  raised,
  ruleOf,
  traceOf,
} from '../../../test/rule-under-test.js';
import type { EmitReason } from '../../context/evaluated.js';
import { explain } from '../../explanation/explain.js';
import { action } from './action.js';

describe('action', () => {
  it.each<[problem: string | RegExp, changes: object]>([
    ['/then: is missing; it must be an object', { then: undefined }],
    ['/then: needs at least one key', { then: {} }],
    [/^\/then\/_cmd: an action key must be 1 to 64 letters/, { then: { _cmd: 1 } }],
    [/^\/else: .*4096 bytes/, { else: { a: 'x'.repeat(5000) } }],
    ['/mode: must be "change" or "every"', { mode: 'sometimes' }],
    ["/command/ttll: unknown field 'ttll', did you mean 'ttl'?", { command: { ttll: '1h' } }],
    ['/command/attempts: must be at least 1', { command: { attempts: 0 } }],
  ])('rejects with %s', (problem, changes) => {
    expect(problemsOf(changes)).toEqual([
      typeof problem === 'string' ? problem : expect.stringMatching(problem),
    ]);
  });

  it('has defaults for the delivery', () => {
    expect(ruleOf()).toMatchObject({
      mode: 'change',
      policy: 'latest',
      lane: undefined,
      ttlMs: 3_600_000,
      timeoutMs: 60_000,
      attempts: 5,
    });
  });

  it('sends no command when the rule is lowered without "else"', () => {
    expect(commandsOf({ else: undefined }, every(1, [400, 200, 400, 200]))).toBe('+1 +3');
  });

  it('sends a command on every reading in mode "every"', () => {
    expect(commandsOf({ mode: 'every' }, every(1, [299, 299, 300, 300]))).toBe('+0first +1every -2 -3every');
  });

  it('sends a command to the lesson device on every reading', () => {
    expect(commandsOf({}, every(1, [412, 412, 12]), { device: lesson })).toBe('-0first -1every +2');
  });

  it('is explained', () => {
    const last = (...args: Parameters<typeof traceOf>) => explain(traceOf(...args)).at(-1);
    expect(last({}, undefined)).toBe('this was the first verdict: raised, so {"led_on":true} was sent');
    expect(last({}, lowered)).toBe('the rule was raised, so {"led_on":true} was sent');
    expect(last({ mode: 'every' }, raised)).toBe(
      'every reading gets a command: raised, so {"led_on":true} was sent',
    );
    expect(last({}, raised)).toBe('no command was sent: the rule had been raised for 60 s');
    expect(last({ hold: '10s' }, undefined)).toBe('no command was sent: nothing had been decided yet');
    expect(last({ else: undefined, when: 'light > 300' }, raised)).toBe(
      'the rule was lowered, and there was nothing to command',
    );
  });

  it.each<[reason: EmitReason | 'lost' | 'found' | 'released', sentence: string]>([
    ['reassert', 'the rule was lowered as before, so {"led_on":false} would be sent again'],
    ['lost', '{"led_on":false} would be sent, the safe action'],
    ['found', 'enough sensors had fresh votes again: lowered, so {"led_on":false} would be sent'],
    ['released', 'the rule was released, so {"led_on":false} would be sent'],
    ['run_over', 'the run was over, so {"led_on":false} would be sent'],
  ])('is explained for the reason %s of a dry run', (reason, sentence) => {
    const step = { clause: 'emit', passes: true, value: false, action: { led_on: false }, reason } as const;
    expect(action.sentences.emit(step, 'would be')).toBe(sentence);
  });
});
