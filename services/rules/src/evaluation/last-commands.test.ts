import type { RuleState } from '@lamplighter/evaluation/context/rule-state';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import type { DecidedCommand } from './decided-command.js';
import { LastCommands } from './last-commands.js';

const ruleOf = (id: string, more: object = {}) =>
  ({ id, whenTrue: { led_on: true }, whenFalse: { led_on: false }, ...more }) as unknown as CompiledRule;
const command = (id: string) => ({ id }) as DecidedCommand;
const state = (raised: boolean, more: Partial<RuleState> = {}): RuleState => ({
  since: 1,
  raised,
  at: 1000,
  emittedAt: 1000,
  ...more,
});

describe('LastCommands', () => {
  it('keeps the last command of each rule, in the order of the commands', () => {
    const last = new LastCommands();
    const [a, b] = [ruleOf('a'), ruleOf('b')];
    last.set(a, command('1'), true, undefined);
    last.set(b, command('2'), true, undefined);
    last.set(a, command('3'), false, undefined);
    expect(last.commands().map(({ id }) => id)).toEqual(['2', '3']);
  });

  it('drops a command that repeats the one before the batch, and restores its state', () => {
    const last = new LastCommands();
    const rule = ruleOf('a');
    const before = state(true);
    last.set(rule, command('1'), false, before);
    last.set(rule, command('2'), true, state(false, { at: 2000 }));
    const present = { a: state(true, { at: 3000, emittedAt: 3000, held: 9, loop: 4 }) };
    expect([...last.dropRepeated(present, [rule])]).toEqual([['a', { ...before, held: 9, loop: 4 }]]);
    expect(last.commands()).toEqual([]);
  });

  it.each<[why: string, raise: boolean, before: RuleState | undefined, present: RuleState]>([
    ['the verdict differs', false, state(true), state(false)],
    ['the device got no command before', true, undefined, state(true)],
    ['a run has started', true, state(true), state(true, { runUntil: 9000 })],
  ])('keeps a command if %s', (_why, raise, before, present) => {
    const last = new LastCommands();
    const rule = ruleOf('a');
    last.set(rule, command('1'), raise, before);
    expect(last.dropRepeated({ a: present }, [rule]).size).toBe(0);
    expect(last.commands()).toHaveLength(1);
  });

  it('keeps a command after an edge decision has replaced the state', () => {
    const last = new LastCommands();
    const rule = ruleOf('a');
    last.set(rule, command('1'), true, state(true));
    last.markReplaced(rule);
    last.markReplaced(ruleOf('other'));
    expect(last.dropRepeated({ a: state(true) }, [rule]).size).toBe(0);
  });

  it.each<[what: string, other: object, isDropped: boolean]>([
    ['the same key', { whenTrue: { led_on: 'red' }, lane: 'alarm' }, false],
    ['the same lane', { whenTrue: { horn: 1 }, whenFalse: undefined, lane: 'led_on' }, false],
    ['a safe action with the same key', { whenTrue: undefined, quorum: { safe: { led_on: 0 } } }, false],
    ['other keys and lanes', { whenTrue: { horn: 1 }, whenFalse: undefined }, true],
  ])('respects another rule with %s', (_what, other, isDropped) => {
    const last = new LastCommands();
    const rule = ruleOf('a', { lane: 'led_on' });
    last.set(rule, command('1'), true, state(true));
    expect(last.dropRepeated({ a: state(true) }, [rule, ruleOf('b', other)]).size).toBe(isDropped ? 1 : 0);
  });

  it('respects a command of the batch with the same key', () => {
    const last = new LastCommands();
    const rule = ruleOf('a', { lane: 'light' });
    last.set(rule, command('1'), true, state(true));
    const ending = { action: { led_on: false }, lane: 'end' } as unknown as DecidedCommand;
    expect(last.dropRepeated({ a: state(true) }, [rule, ending]).size).toBe(0);
  });
});
