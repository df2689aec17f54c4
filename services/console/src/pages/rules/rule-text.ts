import type { RuleDraft } from '../../api/rule-queries.js';
import type { SchemaNode } from './schema-completion.js';

/** The text of a new rule. */
export const NEW_RULE = `{
  "id": "new-rule",
  "when": "light < 300",
  "clear": "light > 330",
  "then": { "led_on": true },
  "else": { "led_on": false }
}
`;

/** The text of a stored rule, without values that its schema adds by default. */
export function ruleText(rule: object, schema: SchemaNode): string {
  return `${JSON.stringify(withoutDefaults(rule, schema), null, 2)}\n`;
}

function withoutDefaults(value: object, schema: SchemaNode): object {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, each]: [string, unknown]) => {
      const own = schema.properties?.[name];
      if (own?.default !== undefined && JSON.stringify(own.default) === JSON.stringify(each)) return [];
      const isObject = typeof each === 'object' && each !== null && !Array.isArray(each);
      if (!isObject || own?.properties === undefined) return [[name, each]];
      const inner = withoutDefaults(each, own);
      return Object.keys(inner).length === 0 && own.default !== undefined ? [] : [[name, inner]];
    }),
  );
}

/** The rule in a text, or why there is none. */
export function parseRuleText(text: string): RuleDraft | string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return 'A rule is a JSON object.';
    return value as RuleDraft;
  } catch (error) {
    return `Not valid JSON: ${(error as Error).message}`;
  }
}

/** A line of two texts: in both, only in the first, or only in the second. */
export interface DiffLine {
  readonly kind: 'same' | 'removed' | 'added';
  readonly text: string;
}

/** The smallest difference between two texts, line by line. Rules have at most a few hundred lines. */
export function diffLines(before: string, after: string): DiffLine[] {
  const [a, b] = [before.trimEnd().split('\n'), after.trimEnd().split('\n')];
  // common[i][j]: how many lines a from i and b from j have in common.
  const common = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1)
      common[i]![j] =
        a[i] === b[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && a[i] === b[j]) {
      lines.push({ kind: 'same', text: a[i]! });
      [i, j] = [i + 1, j + 1];
    } else if (j >= b.length || (i < a.length && common[i + 1]![j]! >= common[i]![j + 1]!)) {
      lines.push({ kind: 'removed', text: a[i]! });
      i += 1;
    } else {
      lines.push({ kind: 'added', text: b[j]! });
      j += 1;
    }
  }
  return lines;
}
