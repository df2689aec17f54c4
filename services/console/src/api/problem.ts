import type { components } from '../../generated/openapi.js';

type ProblemBody = components['schemas']['Problem'];

/** The api rejected a request. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly status: number;
  readonly errors: NonNullable<ProblemBody['errors']>;

  constructor({ status, title, detail, errors }: ProblemBody) {
    super(detail || title);
    this.status = status;
    this.errors = errors ?? [];
  }
}

/** No response, or one that is not from the api. */
export class ApiUnreachable extends Error {
  override readonly name = 'ApiUnreachable';

  constructor() {
    super('The api does not respond. The page retries automatically.');
  }
}

/** The problem in the body of a response. */
export function problemOf(body: unknown, status: number): Error {
  const isProblem = typeof body === 'object' && body !== null && 'detail' in body && 'title' in body;
  return isProblem ? new ApiProblem({ ...(body as ProblemBody), status }) : new ApiUnreachable();
}
