import type { z } from 'zod';

const documented = new Map<z.ZodType, z.ZodType>();

/** Documents a schema that accepts more than clients should send, because its checks report errors better than a schema could. */
export function documentAs<T extends z.ZodType>(schema: T, description: z.ZodType): T {
  documented.set(schema, description);
  return schema;
}

/** The schema that stands for this one in the OpenAPI document. */
export const documentedSchema = (schema: z.ZodType): z.ZodType => documented.get(schema) ?? schema;
