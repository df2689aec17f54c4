import { z } from 'zod';

/** Where something is to be said of a document, such as a rule. */
export const remarkSchema = z.object({
  pointer: z.string().meta({ description: 'JSON pointer into the document; empty for the whole of it' }),
  detail: z.string(),
});
