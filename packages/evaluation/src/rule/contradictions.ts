import { fieldsOf } from '../clauses/definition/clause.js';
import { CLAUSE_DEFINITIONS } from '../clauses/rule-clauses.js';

/** A conflict of one field with others. */
export interface Contradiction {
  readonly path: readonly string[];
  readonly message: string;
}

/** Finds fields of a rule document that contradict each other. Accepts any value, including a rule with other errors. */
export function contradictions(document: unknown): Contradiction[] {
  const rule = fieldsOf(document);
  if (rule === undefined) return [];
  const found: Contradiction[] = [];
  for (const clause of CLAUSE_DEFINITIONS)
    clause.contradictions?.(rule, (path, message) => found.push({ path: path.split('.'), message }));
  return found;
}
