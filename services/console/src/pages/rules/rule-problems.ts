import { type Schema, Validator } from '@cfworker/json-schema';
import { ApiProblem } from '../../api/problem.js';
import { dryRun, type RuleDraft } from '../../api/rule-queries.js';
import type { SchemaNode } from './schema-completion.js';

/** A problem in a rule, at a JSON pointer. */
export interface RuleProblem {
  readonly pointer: string;
  readonly detail: string;
  readonly severity: 'error' | 'warning';
}

/** These only say that a part is invalid, which has a problem of its own. */
const OUTER = ['properties', 'items', 'anyOf', 'allOf', '$ref', 'additionalProperties'];

/** Checks a rule against its JSON Schema. A validator that compiles would need eval, which the page forbids. */
export function schemaProblems(schema: SchemaNode, rule: unknown): RuleProblem[] {
  const { errors } = new Validator(schema as Schema, '2020-12', false).validate(rule);
  const inner = errors.filter(({ keyword }) => !OUTER.includes(keyword));
  const shown = inner.length > 0 ? inner : errors.slice(-1);
  return shown.map(({ instanceLocation, keyword, error }) => ({
    pointer: instanceLocation.replace(/^#/, ''),
    detail: keyword === 'false' ? 'Unknown field.' : error,
    severity: 'error',
  }));
}

/** Asks the api to check a rule: what the schema cannot say, such as conditions and measurements that no device has. */
export async function serverProblems(fleet: string, rule: RuleDraft): Promise<RuleProblem[]> {
  try {
    const { warnings = [] } = await dryRun(fleet, { rule, reading: {}, ageMs: 0 });
    return warnings.map(({ pointer, detail }) => ({ pointer: inRule(pointer), detail, severity: 'warning' }));
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.errors.length === 0) throw error;
    return error.errors.map(({ pointer, detail }) => ({
      pointer: inRule(pointer),
      detail,
      severity: 'error',
    }));
  }
}

/** A dry run has the rule in its body. */
function inRule(pointer: string): string {
  return pointer.replace(/^[/]rule(?=[/]|$)/, '');
}
