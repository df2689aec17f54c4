import { compileExpression } from '@lamplighter/evaluation/expression/expression';
import { textForNumber } from './text-for-number.js';

const rule = (when: string) => ({
  when: compileExpression(when, { returns: 'bool', variables: [] }),
  clear: undefined,
  quorum: undefined,
});

it.each<[when: string, reading: Record<string, string | number>, name: string | undefined]>([
  ['light < 300', { light: '412' }, 'light'],
  ['light < 300', { light: 'dark' }, 'light'],
  ['light < 300', { heat: 1 }, undefined],
  ['light < 300 && heat > 30', { light: '412' }, 'light'],
  ['mode == "auto" && heat > 30', { mode: 'auto' }, undefined],
  ['mode == "auto" && heat > 30', { mode: 'auto', heat: '31' }, 'heat'],
])('finds the text because of which "%s" is undecided on %j: %s', (when, reading, name) => {
  expect(textForNumber(rule(when), reading)).toBe(name);
});
