import { readFileSync } from 'node:fs';
import { telemetrySchemaSchema } from '@lamplighter/contracts/telemetry/telemetry-schema';
import { CLAUSE_DEFINITIONS } from '../clauses/rule-clauses.js';
import { validateRule } from '../explanation/validate-rule.js';
import { ruleSchema } from './rule.js';

type Document = Readonly<Record<string, unknown>>;
const page = (name: string) => readFileSync(new URL(`../../../../${name}`, import.meta.url), 'utf8');
const PAGES = [
  'README.md',
  'docs/rules.md',
  'docs/quorum.md',
  'docs/api/README.md',
  'services/rules/rules/night-light.json',
];

/** Every JSON object with an action in a page: in code blocks, in shell commands and in sentences. */
function rulesIn(name: string): [where: string, rule: Document][] {
  const text = page(name);
  const found: [string, Document][] = [];
  for (let start = text.indexOf('{'); start !== -1; start = text.indexOf('{', start + 1)) {
    const document = objectAt(text, start);
    const line = text.slice(0, start).split('\n').length;
    if (document !== undefined && 'then' in document) found.push([`${name}:${line}`, document]);
  }
  return found;
}

/** The shortest JSON object at an offset. */
function objectAt(text: string, start: number): Document | undefined {
  for (
    let end = text.indexOf('}', start);
    end !== -1 && end - start < 2000;
    end = text.indexOf('}', end + 1)
  ) {
    try {
      return JSON.parse(text.slice(start, end + 1)) as Document;
    } catch {
      // The object continues.
    }
  }
  return undefined;
}

const EXAMPLES = PAGES.flatMap(rulesIn);

describe('rules in the docs', () => {
  it('exist on every page', () => {
    const pages = new Set(EXAMPLES.map(([where]) => where.split(':')[0]));
    expect([...pages]).toEqual(PAGES);
  });

  it.each(EXAMPLES)('%s is valid without warnings', (_, document) => {
    // The id can be in a path instead, and seed files have `fleets`.
    const { fleets: _fleets, ...rule } = { id: 'example', ...document } as Document;
    expect(validateRule(rule)).toMatchObject({ problems: [], warnings: [] });
  });
});

describe('fields in docs/rules.md', () => {
  const BASE: Document = {
    id: 'example',
    when: 'light < 300',
    then: { led_on: true },
    else: { led_on: false },
  };
  const table = page('docs/rules.md').split('## Fields')[1]!.split('\n## ')[0]!;
  const rows = [...table.matchAll(/^\| (`[^|]+`) \|.*\| `(.*)` \|$/gm)].map(
    ([, fields, example]) => [fields!.match(/[\w.]+/g)!, JSON.parse(example!) as unknown] as const,
  );

  it('are complete', () => {
    const named = rows.flatMap(([fields]) => fields.map((field) => field.split('.')[0]!));
    expect(named.sort()).toEqual(Object.keys(ruleSchema.shape).sort());
  });

  it.each(CLAUSE_DEFINITIONS.flatMap(({ examples }) => Object.entries(examples)))(
    'have the example of the clause: %s',
    (field, example) => {
      expect(rows.find(([fields]) => fields[0] === field)?.[1]).toEqual(example);
    },
  );

  it.each(rows)('%j accepts %j', (fields, example) => {
    const [field, inner] = fields[0]!.split('.') as [string, string | undefined];
    const { when, ...others } = BASE;
    const rule = {
      ...others,
      ...(field !== 'absence' && { when }),
      [field]: inner === undefined ? example : { [inner]: example },
    };
    expect(validateRule(rule).problems).toEqual([]);
  });
});

it('the telemetry schema in docs/rules.md is valid', () => {
  const text = page('docs/rules.md');
  const schema = objectAt(text, text.indexOf('{ "measurements"'));
  expect(telemetrySchemaSchema.safeParse(schema)).toMatchObject({ success: true });
});
