/**
 * Every kind of error that the API answers with, RFC 9457. The name is the end of the stable `type` URI; clients may rely on
 * name and status, titles and details are for people.
 */
export const PROBLEM_TYPES = {
  'invalid-request': { status: 400, title: 'The request is not valid' },
  'malformed-json': { status: 400, title: 'The body is not JSON' },
  unauthorized: { status: 401, title: 'An API key is required' },
  'no-such-route': { status: 404, title: 'There is nothing at this path' },
  'no-such-fleet': { status: 404, title: 'There is no such fleet' },
  'no-such-device': { status: 404, title: 'There is no such device' },
  'no-such-command': { status: 404, title: 'There is no such command' },
  'method-not-allowed': { status: 405, title: 'This path does not have this method' },
  'device-unreachable': { status: 409, title: 'The device is not reachable now' },
  'command-not-cancellable': { status: 409, title: 'The command can no longer be cancelled' },
  'command-forgotten': { status: 410, title: 'The command of this idempotency key is no longer kept' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The body must be JSON' },
  'idempotency-key-reused': { status: 422, title: 'This idempotency key came with another request' },
  'queue-full': { status: 429, title: "The device's command queue is full" },
  'internal-error': { status: 500, title: 'The service failed' },
  'store-away': { status: 503, title: 'Redis is away' },
  'store-refuses-writes': { status: 503, title: 'Redis takes no writes' },
  'store-not-durable': { status: 503, title: 'Redis could lose commands' },
  'too-many-watchers': { status: 503, title: 'Too many clients watch events' },
} as const;

export type ProblemName = keyof typeof PROBLEM_TYPES;

/** The `type` of a problem: an identifier, not an address. */
export const problemUri = (name: ProblemName): string => `urn:lamplighter:problem:${name}`;
