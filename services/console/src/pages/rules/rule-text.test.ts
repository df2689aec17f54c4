import { diffLines, parseRuleText, ruleText } from './rule-text.js';
import type { SchemaNode } from './schema-completion.js';

const SCHEMA: SchemaNode = {
  properties: {
    id: { type: 'string' },
    hold: { type: 'string', default: '0s' },
    command: {
      default: { ttl: '1h' },
      properties: { ttl: { default: '1h' }, policy: { default: 'latest' } },
    },
  },
};

it('leaves out values that the schema adds by default', () => {
  const shown = (rule: object) => JSON.parse(ruleText(rule, SCHEMA)) as object;
  expect(shown({ id: 'a', hold: '0s', command: { ttl: '1h', policy: 'latest' } })).toEqual({ id: 'a' });
  expect(shown({ id: 'a', hold: '5s', command: { ttl: '1h', policy: 'now' } })).toEqual({
    id: 'a',
    hold: '5s',
    command: { policy: 'now' },
  });
});

it.each(['', '[]', '1', '{"id":'])('says why %j is not a rule', (text) =>
  expect(typeof parseRuleText(text)).toBe('string'),
);

it('compares two texts line by line', () => {
  const diff = (one: string, other: string) =>
    diffLines(one, other).map(({ kind, text }) => `${{ same: ' ', removed: '-', added: '+' }[kind]}${text}`);
  expect(diff('a\nb\nc', 'a\nx\nc\nd')).toEqual([' a', '-b', '+x', ' c', '+d']);
  expect(diff('a', 'a')).toEqual([' a']);
});
