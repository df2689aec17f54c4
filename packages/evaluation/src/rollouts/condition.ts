import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import { compileExpression, ExpressionFailed, ExpressionInvalid } from '../expression/expression.js';

/**
 * The compiled `when` of a rollout: true, false, or undefined if the last state of a device lacks a value or has one of the wrong type.
 */
export type Condition = (reading: Readonly<Record<string, Measurement | undefined>>) => boolean | undefined;

/** The text is not a valid condition; the message has the place and the cause. */
export class ConditionInvalid extends Error {
  override readonly name = 'ConditionInvalid';
}

/** Compiles a CEL expression over the measurements of a reading. @throws ConditionInvalid */
export function compileCondition(text: string): Condition {
  try {
    const expression = compileExpression(text, { returns: 'bool', variables: [] });
    return (reading) => {
      try {
        return expression.evaluate({ reading });
      } catch (error) {
        if (error instanceof ExpressionFailed) return undefined;
        throw error;
      }
    };
  } catch (error) {
    if (error instanceof ExpressionInvalid) throw new ConditionInvalid(error.message);
    throw error;
  }
}
