import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common';
import { z } from 'zod';
import { type FieldError, Problem } from '../problems/problem.js';
import { harmIn } from './harmful-json.js';
import { pointerTo } from './json-pointer.js';

const PARTS = { body: 'body', query: 'query', param: 'path', custom: 'header' } as const;

/** Checks every argument that has a schema, and says of each bad field where it is and what it must be. */
@Injectable()
export class ValidationPipe implements PipeTransform {
  transform(value: unknown, { schema, type }: ArgumentMetadata): unknown {
    if (!(schema instanceof z.ZodType)) return value;
    const part = PARTS[type as keyof typeof PARTS] ?? 'body';
    const harm = part === 'body' ? harmIn(value) : undefined;
    if (harm) throw invalid(part, [harm]);
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw invalid(
      part,
      parsed.error.issues.flatMap((issue) => fieldErrors(part, issue)),
    );
  }
}

/** A body with a thousand bad fields need not get a thousand answers. */
const MAX_ERRORS = 20;

function invalid(part: FieldError['in'], errors: FieldError[]): Problem {
  const fields = errors.length === 1 ? '1 field that is' : `${errors.length} fields that are`;
  return new Problem('invalid-request', `The ${part} has ${fields} not valid; see errors.`, {
    errors: errors.slice(0, MAX_ERRORS),
  });
}

function fieldErrors(part: FieldError['in'], issue: z.core.$ZodIssue): FieldError[] {
  const at = (path: readonly PropertyKey[], detail: string): FieldError => ({
    in: part,
    pointer: pointerTo(path),
    detail,
  });
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => at([...issue.path, key], 'is not known here'));
    case 'invalid_key':
      return issue.issues.map(({ message }) => at(issue.path, message));
    case 'invalid_type':
      return [
        at(issue.path, issue.message.endsWith('received undefined') ? 'is required' : words(issue.message)),
      ];
    default:
      return [at(issue.path, words(issue.message))];
  }
}

function words(message: string): string {
  return message
    .replace(/^Invalid (input|option): /, '')
    .replace(/^expected/, 'must be')
    .replace(/^must be record/, 'must be object');
}
