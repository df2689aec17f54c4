import { durationMs, durationSchema } from '@lamplighter/contracts/duration';
import { RULE_BOUNDS } from '@lamplighter/contracts/rules/rule-bounds';
import { z } from 'zod';
import type { RuleState } from '../../context/rule-state.js';

/**
 * A clause is one file with everything about it: the fields of the rule document with their bounds and descriptions, the contradictions
 * with other fields, how it is compiled, its step in the evaluation, the sentences that explain that step, and an example for each field
 * in docs/rules.md. `rule-clauses.ts` composes them. The folders follow the evaluation: stops (no condition is evaluated), conditions
 * (the requested verdict), delays (when it takes effect), commands (which command is sent).
 *
 * To add one: its file and test, `rule-clauses.ts`, the order in `CLAUSES` (context/trace.ts), and its rows in docs/rules.md.
 */

/** A clause that stops the evaluation: the state that stays, and when to evaluate again. */
export interface Stop {
  readonly state: RuleState | undefined;
  readonly wakeAt?: number | undefined;
}

/** The fields of any JSON object, perhaps not a valid rule. */
export type Fields = Readonly<Record<string, unknown>>;

/** Reports what is wrong with one field, given as a path such as `quorum.count`, because of the others. */
export type Report = (path: string, message: string) => void;

/** The fields of a JSON object; undefined for any other value. */
export function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

/** The pattern of a duration, for the JSON schema. */
export const durationPattern = { pattern: '^[0-9]{1,9}(ms|s|m|h|d)$' };

/** A field that holds a duration of up to seven days. */
export function durationField(minMs: number, description: string) {
  return durationSchema(minMs, RULE_BOUNDS.maxDurationMs).meta({ ...durationPattern, description });
}

/** A field that holds a CEL expression. */
export function expressionField(description: string) {
  return z.string().min(1).max(RULE_BOUNDS.maxExpressionLength).describe(description);
}

/** Milliseconds of a duration in a valid rule. */
export function milliseconds(text: string): number {
  return durationMs(text)!;
}
