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
  few: z.array(z.unknown()).max(2, 'must have at most 2 readings').optional(),
  body: z.unknown().nonoptional(),
});
const problemsOf = (changes: object) =>
  schemaProblems(schema, { name: 'x', body: null, ...changes }).map(
    ({ path, message }) => `${pointerOf(path)}: ${message}`,
  );

describe('schemaProblems', () => {
  it.each<[problem: string, changes: object]>([
    ['/name: is missing; it must be a string', { name: undefined }],
    ['/name: must be a string', { name: 5 }],
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
    ['/parts/0/label: is missing; it must be a string', { parts: [{}] }],
    ['/scope/1: must be lower case', { scope: ['a', 'B'] }],
    ['/scope: is empty', { scope: [] }],
    ['/scope: must be "*", or a list', { scope: 5 }],
    ['/wait: must be a time', { wait: 5 }],
    ['/few: must have at most 2 readings', { few: [1, 2, 3] }],
    ['/body: is missing', { body: undefined }],
  ])('reports %s', (problem, changes) => {
    expect(problemsOf(changes)).toEqual([problem]);
  });

  it('reports all problems', () => {
    expect(problemsOf({ name: 5, size: 1, colour: 'blue' })).toHaveLength(3);
    expect(problemsOf({})).toEqual([]);
  });

  it('reports an unknown key with the known keys', () => {
    expect(schemaProblems(schema, { name: 'x', body: 1, parts: [{ label: 'a', lable: 'b' }] })).toEqual([
      { path: ['parts', 0, 'lable'], message: "unknown field 'lable'", known: ['label'] },
    ]);
    // Also for a named schema, whose JSON Schema is in `$defs`.
    const part = z.strictObject({ label: z.string() }).meta({ id: 'NamedPart' });
    const named = z.strictObject({ part }).meta({ id: 'NamedWhole' });
    expect(schemaProblems(named, { part: { label: 'a', lable: 'b' } })[0]?.known).toEqual(['label']);
    expect(schemaProblems(named, { part: { label: 'a' }, prat: 1 })[0]?.known).toEqual(['part']);
  });
});

it('pointerOf formats a path as a JSON pointer', () => {
  expect(pointerOf([])).toBe('');
  expect(pointerOf(['scope', 'devices', 0])).toBe('/scope/devices/0');
  expect(pointerOf(['a/b', 'm~n', ''])).toBe('/a~1b/m~0n/');
});
