import { z } from 'zod';
import { ruleSchema } from './rule.js';

/**
 * The JSON schema of a rule document, for editors and other programs. JSON schema cannot express everything: the API also checks expressions
 * and contradictory fields when a rule is written.
 */
export function ruleJsonSchema(): Record<string, unknown> {
  return {
    title: 'Lamplighter rule',
    description: 'If "when" is true for a reading, "then" is sent, otherwise "else".',
    ...z.toJSONSchema(ruleSchema, { io: 'input' }),
  };
}

/** The text of docs/api/rule.schema.json. */
export function ruleJsonSchemaText(): string {
  return `${JSON.stringify(ruleJsonSchema(), null, 2)}\n`;
}
