import {
  type Condition,
  ConditionInvalid,
  compileCondition,
} from '@lamplighter/evaluation/rollouts/condition';
import { Problem } from '../problems/problem.js';

/**
 * Compiles the condition of a selector.
 * @param pointer where the condition is in the body
 * @throws Problem `invalid-condition`
 */
export function checkCondition(when: string | undefined, pointer: string): Condition | undefined {
  if (when === undefined) return undefined;
  try {
    return compileCondition(when);
  } catch (error) {
    if (!(error instanceof ConditionInvalid)) throw error;
    throw new Problem('invalid-condition', 'The condition is not valid; see errors.', {
      errors: [{ in: 'body', pointer, detail: error.message }],
    });
  }
}
