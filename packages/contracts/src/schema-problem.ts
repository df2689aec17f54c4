import { z } from 'zod';

/** One problem with a value, as a message. */
export interface SchemaProblem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** For an unknown key: the known keys at its place. */
  readonly known?: readonly string[];
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
};

const UNIT_WORDS: Readonly<Record<string, string>> = { string: 'characters', array: 'items' };

/** Problems that are reported of one value. A large value can have thousands. */
export const MAX_SCHEMA_PROBLEMS = 50;

/** The first problems with a value according to its schema, at most `MAX_SCHEMA_PROBLEMS`. Empty if it is valid. */
export function schemaProblems(schema: z.ZodType, value: unknown): SchemaProblem[] {
  const { error } = schema.safeParse(value);
  if (error === undefined) return [];
  let keys: JsonSchema | undefined;
  const known = (path: readonly PropertyKey[]) => {
    keys ??= z.toJSONSchema(schema, { io: 'input' });
    return propertiesAt(keys, path);
  };
  const problems: SchemaProblem[] = [];
  for (const issue of error.issues) {
    problems.push(...problemsOf(issue, [], value, known));
    if (problems.length >= MAX_SCHEMA_PROBLEMS) break;
  }
  return problems.slice(0, MAX_SCHEMA_PROBLEMS);
}

type Issue = z.core.$ZodIssue;
type Known = (path: readonly PropertyKey[]) => string[];

function problemsOf(
  issue: Issue,
  before: readonly PropertyKey[],
  whole: unknown,
  known: Known,
): SchemaProblem[] {
  const path = [...before, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.slice(0, MAX_SCHEMA_PROBLEMS).map((key) => ({
        path: [...path, key],
        message: `unknown field '${key}'`,
        known: known(path),
      }));
    case 'invalid_type':
    case 'invalid_value': {
      const isMissing = path.reduce<unknown>(childOf, whole) === undefined;
      if (!isMissing) return [{ path, message: expectedText(issue) }];
      // Any value is valid.
      if (issue.code === 'invalid_type' && issue.expected === 'nonoptional')
        return [{ path, message: 'is missing' }];
      return [{ path, message: `is missing; it ${expectedText(issue)}` }];
    }
    case 'too_big':
    case 'too_small':
      return [{ path, message: sizeText(issue) }];
    case 'invalid_union':
      return nearestBranch(issue.errors, path, whole, known);
    case 'invalid_key':
      return issue.issues.flatMap((inner) => problemsOf({ ...inner, path: [] }, path, whole, known));
    default:
      return [{ path, message: issue.message }];
  }
}

function expectedText(issue: Extract<Issue, { code: 'invalid_type' | 'invalid_value' }>): string {
  // The schema has its own message.
  if (!issue.message.startsWith('Invalid')) return issue.message;
  if (issue.code === 'invalid_type') return `must be ${TYPE_WORDS[issue.expected] ?? issue.expected}`;
  return `must be ${issue.values.map((one) => JSON.stringify(one)).join(' or ')}`;
}

/** The problems with the union branch that matches best: a list with an invalid item was meant as a list. */
function nearestBranch(
  branches: readonly Issue[][],
  path: readonly PropertyKey[],
  whole: unknown,
  known: Known,
): SchemaProblem[] {
  const depth = (issues: readonly Issue[]) => Math.max(0, ...issues.map((issue) => issue.path.length));
  const isForm = (issues: readonly Issue[]) => issues.some(({ code }) => code === 'invalid_type');
  const sorted = branches.toSorted((a, b) => depth(b) - depth(a) || Number(isForm(a)) - Number(isForm(b)));
  const deepest = sorted[0] ?? [];
  if (depth(deepest) > 0 || deepest.some(({ code }) => code === 'too_big' || code === 'too_small'))
    return deepest.flatMap((issue) => problemsOf(issue, path, whole, known));
  const messages = branches.flatMap((issues) =>
    issues.flatMap((issue) => problemsOf(issue, path, whole, known)),
  );
  const words = messages.map(({ message }) => message.replace(/^must be /, ''));
  return [{ path, message: `must be ${[...new Set(words)].join(', or ')}` }];
}

function sizeText(issue: Extract<Issue, { code: 'too_big' | 'too_small' }>): string {
  // The schema has its own message.
  if (!issue.message.startsWith('Too ')) return issue.message;
  const isMost = issue.code === 'too_big';
  const bound = isMost ? issue.maximum : issue.minimum;
  const unit = UNIT_WORDS[issue.origin];
  if (unit !== undefined)
    return !isMost && bound === 1 ? 'is empty' : `must have at ${isMost ? 'most' : 'least'} ${bound} ${unit}`;
  if (issue.inclusive === false) return `must be ${isMost ? 'below' : 'above'} ${bound}`;
  return `must be at ${isMost ? 'most' : 'least'} ${bound}`;
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** The keys that a schema allows at a path. */
function propertiesAt(root: JsonSchema, path: readonly PropertyKey[]): string[] {
  /** The schemas that a schema stands for; a named one is a reference into `$defs`. */
  const alternatives = (schema: JsonSchema): JsonSchema[] => {
    const named = root.$defs?.[schema.$ref?.replace('#/$defs/', '') ?? ''];
    return [
      schema,
      ...(named === undefined ? [] : alternatives(named)),
      ...(schema.anyOf ?? []).flatMap(alternatives),
      ...(schema.allOf ?? []).flatMap(alternatives),
    ];
  };
  let places = [root];
  for (const key of path) {
    places = places.flatMap(alternatives).flatMap((place) => {
      const next = typeof key === 'number' ? place.items : place.properties?.[String(key)];
      return typeof next === 'object' && !Array.isArray(next) ? [next] : [];
    });
  }
  return places.flatMap(alternatives).flatMap((place) => Object.keys(place.properties ?? {}));
}

function childOf(value: unknown, key: PropertyKey): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return Reflect.get(value, key) as unknown;
}

/** A JSON pointer (RFC 6901): `/quorum/of`. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
