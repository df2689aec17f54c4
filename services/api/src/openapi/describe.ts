import { applyDecorators } from '@nestjs/common';
import { ApiExtension, ApiResponse, ApiSecurity, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import type { ProblemBody } from '../problems/problem.js';
import { PROBLEM_TYPES, type ProblemName, problemUri } from '../problems/problem-types.js';
import { EXPORT_TYPES } from '../responses/export.js';

type Headers = Record<string, { description: string; schema: { type: 'string' } }>;

/** Describes a successful response of an endpoint. */
export function Responds(status: number, schema: z.ZodType, description: string, headers?: Headers) {
  return ApiResponse({ status, standardSchema: schema, description, ...(headers && { headers }) });
}

/** Describes that the response is also available as an export, by the Accept header. */
export function Exports() {
  return ApiExtension('x-exports', Object.values(EXPORT_TYPES));
}

export const header = (description: string) => ({ description, schema: { type: 'string' as const } });

/** Problems of any request whose method allows a body, even if none is expected. */
export const BODY_PROBLEMS = [
  'invalid-request',
  'malformed-json',
  'body-too-large',
  'unsupported-media-type',
] as const satisfies readonly ProblemName[];

/**
 * Describes the problems that an endpoint may return, in addition to those of every endpoint under /v1. For each status it must
 * list all problems.
 */
export function Problems(...kinds: ProblemName[]) {
  const statuses = new Map<number, ProblemName[]>();
  // Every endpoint with problems of this status also has the limits of the key.
  const all = kinds.some((kind) => PROBLEM_TYPES[kind].status === 429)
    ? ([...kinds, 'too-many-requests'] as const)
    : kinds;
  for (const kind of new Set<ProblemName>(all)) {
    const { status } = PROBLEM_TYPES[kind];
    statuses.set(status, [...(statuses.get(status) ?? []), kind]);
  }
  return applyDecorators(
    ...[...statuses].map(([status, same]) =>
      ApiResponse({
        status,
        description: oneOf(same.map((kind) => PROBLEM_TYPES[kind].title)),
        ...(HEADERS[status] && { headers: HEADERS[status] }),
        content: {
          'application/problem+json': {
            schema: { $ref: '#/components/schemas/Problem' },
            examples: Object.fromEntries(same.map((kind) => [kind, { value: exampleOf(kind) }])),
          },
        },
      }),
    ),
  );
}

function exampleOf(kind: ProblemName): ProblemBody {
  const { title, status, example } = PROBLEM_TYPES[kind];
  return { type: problemUri(kind), title, status, detail: example };
}

const HEADERS: Record<number, Headers> = {
  401: { 'WWW-Authenticate': header('The supported authentication scheme') },
  405: { Allow: header('The methods of the path') },
  412: { ETag: header('The current version, if the rule exists') },
  428: { ETag: header('The current version') },
  429: { 'Retry-After': header('Seconds to wait before the next attempt') },
  503: { 'Retry-After': header('Seconds to wait before the next attempt') },
};

/** Describes what all endpoints under /v1 have in common. */
export function Resource(tag: string) {
  return applyDecorators(
    ApiTags(tag),
    ApiSecurity('bearer'),
    ApiSecurity('apiKey'),
    Problems(
      'unauthorized',
      'missing-scope',
      'other-fleet',
      'too-many-requests',
      'internal-error',
      'store-away',
    ),
  );
}

/** `A`, `A, or b`, `A, b, or c`. Titles after the first start in lower case, except with a name. */
function oneOf(titles: readonly string[]): string {
  const inList = titles.map((title, i) =>
    i === 0 || /^(Redis|API)\b/.test(title) ? title : title.charAt(0).toLowerCase() + title.slice(1),
  );
  return inList.length === 1 ? inList[0]! : `${inList.slice(0, -1).join(', ')}, or ${inList.at(-1)}`;
}
