import { fieldsOf } from '../clauses/definition/clause.js';
import { deciderOf, type ExpressionField } from '../clauses/definition/expression-field.js';
import { CLAUSE_DEFINITIONS } from '../clauses/rule-clauses.js';
import type { ScopeVariable } from '../expression/scope.js';

/** An expression in a rule document, and what it can use. */
export interface ExpressionPlace {
  /** JSON pointer. */
  readonly pointer: string;
  readonly text: string;
  readonly returns: 'bool' | 'number';
  readonly variables: readonly ScopeVariable[];
  /** Why it cannot use measurements; undefined if it can. */
  readonly noMeasurements?: string;
}

/** The expressions of a rule document, which may have other errors. */
export function expressionPlaces(document: unknown): ExpressionPlace[] {
  const quorum = fieldsOf(document)?.quorum;
  // A quorum without a valid policy counts votes, so that its other fields can be checked.
  const decider = deciderOf(quorum === undefined ? undefined : (fieldsOf(quorum)?.policy ?? null));
  return CLAUSE_DEFINITIONS.flatMap(({ expressions = [] }) => expressions).flatMap(
    ({ path, returns, visible }: ExpressionField) => {
      const text = path.reduce<unknown>((value, key) => fieldsOf(value)?.[key], document);
      const place = visible[decider];
      if (typeof text !== 'string' || place === undefined) return [];
      return [{ pointer: `/${path.join('/')}`, text, returns, ...place }];
    },
  );
}
