import { z } from 'zod';
import { PROBLEM_TYPES, type ProblemName, problemUri } from './problem-types.js';

/** One invalid field. */
const fieldErrorSchema = z.object({
  in: z.enum(['body', 'query', 'path', 'header']).meta({ description: 'Part of the request' }),
  pointer: z.string().meta({ description: 'JSON pointer (RFC 6901) into that part; empty for all of it' }),
  detail: z.string(),
});
export type FieldError = z.infer<typeof fieldErrorSchema>;

/** The body of every error response, `application/problem+json`. */
export const problemSchema = z
  .object({
    type: z.string().meta({ description: 'Stable identifier of the type of problem' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'What happened, and what to do about it' }),
    errors: z.array(fieldErrorSchema).optional(),
    state: z
      .string()
      .optional()
      .meta({ description: 'State of the command or rollout that cannot be cancelled' }),
  })
  .meta({
    id: 'Problem',
    examples: [
      {
        type: problemUri('invalid-request'),
        title: PROBLEM_TYPES['invalid-request'].title,
        status: 400,
        detail: 'The body has 1 invalid field; see errors.',
        errors: [{ in: 'body', pointer: '/ttl', detail: 'must be a duration such as "30s", "5m" or "1h"' }],
      },
    ],
  });
export type ProblemBody = z.infer<typeof problemSchema>;

/** An error that is reported to the client. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;

  constructor(
    readonly kind: ProblemName,
    /** What happened and what to do about it, in one or two sentences. */
    readonly detail: string,
    private readonly more: Pick<ProblemBody, 'errors' | 'state'> = {},
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(`${kind}: ${detail}`);
    this.status = PROBLEM_TYPES[kind].status;
  }

  body(): ProblemBody {
    const { title, status } = PROBLEM_TYPES[this.kind];
    return { type: problemUri(this.kind), title, status, detail: this.detail, ...this.more };
  }
}

/** Header with the seconds after which a client may retry. */
export const retryAfter = (seconds: number) => ({ 'Retry-After': String(seconds) });
