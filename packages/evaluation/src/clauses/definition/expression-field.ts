import { compileExpression, type Expression, type ScopeVariable } from '../../expression/expression.js';

/** The source of verdicts: one device, a quorum that counts votes, or a quorum that measures. */
export type Decider = 'device' | 'counting' | 'measuring';

/** What an expression can use in addition to measurements. */
export interface Visible {
  readonly variables: readonly ScopeVariable[];
  /** Why it cannot use measurements; undefined if it can. */
  readonly noMeasurements?: string;
}

/** A field of the rule document that holds an expression. docs/rules.md lists what each can use. */
export interface ExpressionField {
  readonly path: readonly string[];
  readonly returns: 'bool' | 'number';
  /** By decider; the field has no meaning for one that is missing. */
  readonly visible: Readonly<Partial<Record<Decider, Visible>>>;
  /** Whether a verdict depends on it. */
  readonly decides: boolean;
}

export const DEVICE: Visible = { variables: ['last', 'window', 'device'] };
export const SENSOR: Visible = { variables: ['device'] };
export const GROUP_VALUE: Visible = {
  variables: ['value'],
  noMeasurements:
    'a measuring quorum evaluates "of" on each sensor, and this expression on the resulting "value"',
};

/** The decider of a rule with this quorum policy. */
export function deciderOf(policy: unknown): Decider {
  if (policy === undefined) return 'device';
  return policy === 'median' || policy === 'trimmedMean' ? 'measuring' : 'counting';
}

/** Compiles the expressions of one rule and collects those that its verdicts depend on. */
export class ExpressionCompiler {
  readonly deciding: Expression<boolean | number>[] = [];

  constructor(private readonly decider: Decider) {}

  /** @throws ExpressionInvalid */
  condition(field: ExpressionField, text: string): Expression<boolean> {
    return this.collect(
      field,
      compileExpression(text, { returns: 'bool', variables: this.variablesOf(field) }),
    );
  }

  /** @throws ExpressionInvalid */
  number(field: ExpressionField, text: string): Expression<number> {
    return this.collect(
      field,
      compileExpression(text, { returns: 'number', variables: this.variablesOf(field) }),
    );
  }

  private variablesOf({ visible }: ExpressionField): readonly ScopeVariable[] {
    return visible[this.decider]?.variables ?? [];
  }

  private collect<E extends Expression<boolean | number>>({ decides }: ExpressionField, expression: E): E {
    if (decides) this.deciding.push(expression);
    return expression;
  }
}
