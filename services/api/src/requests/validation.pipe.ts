import { MAX_SCHEMA_PROBLEMS, pointerOf, schemaProblems } from '@lamplighter/contracts/schema-problem';
import { didYouMean } from '@lamplighter/evaluation/suggest';
import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common';
import { z } from 'zod';
import { type FieldError, Problem } from '../problems/problem.js';
import { unsafeJsonError } from './unsafe-json.js';

const PARTS = { body: 'body', query: 'query', param: 'path', custom: 'header' } as const;
/** Errors reported in one response. */
const MAX_ERRORS = 20;

/** Validates every argument that has a schema, and reports the location and the expected value of each invalid field. */
@Injectable()
export class ValidationPipe implements PipeTransform {
  transform(value: unknown, { schema, type }: ArgumentMetadata): unknown {
    if (!(schema instanceof z.ZodType)) return value;
    const part = PARTS[type as keyof typeof PARTS] ?? 'body';
    const unsafe = part === 'body' ? unsafeJsonError(value) : undefined;
    if (unsafe) throw invalid(part, [unsafe]);
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw invalid(part, fieldErrors(part, schema, value));
  }
}

function invalid(part: FieldError['in'], errors: FieldError[]): Problem {
  const count = errors.length < MAX_SCHEMA_PROBLEMS ? errors.length : `at least ${errors.length}`;
  const fields = errors.length === 1 ? '1 invalid field' : `${count} invalid fields`;
  return new Problem('invalid-request', `The ${part} has ${fields}; see errors.`, {
    errors: errors.slice(0, MAX_ERRORS),
  });
}

/** The errors of a value; for an unknown field, with a suggestion. */
export function fieldErrors(
  part: FieldError['in'],
  schema: z.ZodType,
  value: unknown,
  at: readonly PropertyKey[] = [],
): FieldError[] {
  return schemaProblems(schema, value).map(({ path, message, known }) => ({
    in: part,
    pointer: pointerOf([...at, ...path]),
    detail: known === undefined ? message : message + didYouMean(String(path.at(-1)), known),
  }));
}
