import { z } from 'zod';

/** A remark about a place in a document, such as a rule. */
export const remarkSchema = z.object({
  pointer: z.string().meta({ description: 'JSON pointer into the document; empty for all of it' }),
  detail: z.string(),
});
