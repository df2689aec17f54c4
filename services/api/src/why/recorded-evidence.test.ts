// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import type { Evidence } from '@lamplighter/evaluation/evaluate/evidence';
import type { Command } from '@lamplighter/store/commands/read-commands';
import type { RuleVersion } from '@lamplighter/store/rules/rule-versions';
import { replayCommand } from './recorded-evidence.js';

const COMMAND = { action: { led_on: true } } as unknown as Command;
const EVIDENCE = { version: 3, trigger: 'reading' } as unknown as Evidence;
const versionOf = (rule: unknown) => ({ version: 3, since: 1, at: 0, rule }) as unknown as RuleVersion;

describe('replayCommand', () => {
  it('explains a rule that no longer compiles', () => {
    const rule = { id: 'r', when: 'light <', then: { led_on: true }, command: {}, scope: { devices: '*' } };
    const complete = {
      hold: '0s',
      dwell: '0s',
      cooldown: '0s',
      settle: '0s',
      maxAge: '30s',
      reassert: 'never',
    };
    const { unexpected, ...replayed } = replayCommand(COMMAND, EVIDENCE, versionOf({ ...rule, ...complete }));
    expect(unexpected).toBeUndefined();
    expect(replayed).toMatchObject({
      replayed: false,
      problem: expect.stringMatching(/^it cannot be evaluated again: /),
    });
  });

  it('returns an unexpected error with the explanation, so that it can be reported', () => {
    expect(replayCommand(COMMAND, EVIDENCE, versionOf(null))).toEqual({
      replayed: false,
      problem: expect.stringMatching(/^it cannot be evaluated again: /),
      unexpected: expect.any(TypeError),
    });
  });

  it('explains a version that has been pruned', () => {
    expect(replayCommand(COMMAND, EVIDENCE, undefined).problem).toMatch(
      /^version 3 of the rule has been pruned/,
    );
  });
});
