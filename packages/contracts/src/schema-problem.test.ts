import { z } from 'zod';
import { pointerOf, schemaProblems } from './schema-problem.js';

const schema = z.strictObject({
  name: z.string().min(1).max(5),
  size: z.int().min(2).max(9).optional(),
  share: z.number().positive().lt(1).optional(),
  colour: z.enum(['red', 'green']).optional(),
  parts: z
    .array(z.strictObject({ label: z.string() }))
    .min(1)
    .max(2)
    .optional(),
  scope: z
    .union([z.literal('*'), z.array(z.string().regex(/^[a-z]+$/, 'must be lower case')).min(1)])
    .optional(),
  wait: z.string({ error: 'must be a time' }).optional(),
});
const said = (changes: object) =>
  schemaProblems(schema, { name: 'x', ...changes }).map(
    ({ path, message }) => `${pointerOf(path)}: ${message}`,
  );

describe('what is wrong with a value is said in words', () => {
  it.each<[problem: string, changes: object]>([
    ['/name: is missing; it must be a text', { name: undefined }],
    ['/name: must be a text', { name: 5 }],
    ['/name: is empty', { name: '' }],
    ['/name: must have at most 5 characters', { name: 'abcdef' }],
    ['/size: must be a whole number', { size: 2.5 }],
    ['/size: must be at least 2', { size: 1 }],
    ['/size: must be at most 9', { size: 10 }],
    ['/share: must be above 0', { share: 0 }],
    ['/share: must be below 1', { share: 1 }],
    ['/colour: must be "red" or "green"', { colour: 'blue' }],
    ['/parts: is empty', { parts: [] }],
    ['/parts: must have at most 2 items', { parts: [{ label: 'a' }, { label: 'a' }, { label: 'a' }] }],
    ['/parts/0/label: is missing; it must be a text', { parts: [{}] }],
    ['/scope/1: must be lower case', { scope: ['a', 'B'] }],
    ['/scope: is empty', { scope: [] }],
    ['/scope: must be "*", or a list', { scope: 5 }],
    ['/wait: must be a time', { wait: 5 }],
  ])('%s', (problem, changes) => {
    expect(said(changes)).toEqual([problem]);
  });

  it('all of it at once', () => {
    expect(said({ name: 5, size: 1, colour: 'blue' })).toHaveLength(3);
    expect(said({})).toEqual([]);
  });

  it('a key that nobody knows comes with those that are known', () => {
    expect(schemaProblems(schema, { name: 'x', parts: [{ label: 'a', lable: 'b' }] })).toEqual([
      { path: ['parts', 0, 'lable'], message: "unknown field 'lable'", known: ['label'] },
    ]);
  });
});

it('writes a place as a JSON pointer', () => {
  expect(pointerOf([])).toBe('');
  expect(pointerOf(['scope', 'devices', 0])).toBe('/scope/devices/0');
  expect(pointerOf(['a/b', 'm~n'])).toBe('/a~1b/m~0n');
});
