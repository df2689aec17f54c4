/**
 * Every kind of error that the API answers with, RFC 9457. The name is the end of the stable `type` URI; clients may rely on
 * name and status, titles and details are for people.
 * `example` is a detail for the documents.
 */
export const PROBLEM_TYPES = {
  'invalid-request': {
    status: 400,
    title: 'The request is not valid',
    example: 'The body has 1 field that is not valid; see errors.',
  },
  'malformed-json': { status: 400, title: 'The body is not JSON', example: 'Unexpected end of JSON input.' },
  unauthorized: { status: 401, title: 'An API key is required', example: 'This key is not known here.' },
  'no-such-route': {
    status: 404,
    title: 'There is nothing at this path',
    example: 'See /docs for the paths that there are.',
  },
  'no-such-fleet': {
    status: 404,
    title: 'There is no such fleet',
    example: 'No device of fleet "demo" was ever heard of. See /v1/fleets.',
  },
  'no-such-device': {
    status: 404,
    title: 'There is no such device',
    example: 'Device "lamp-9999" of fleet "demo" was never heard of. See /v1/fleets/demo/devices.',
  },
  'no-such-command': {
    status: 404,
    title: 'There is no such command',
    example:
      'There is no command 01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17, or it has ended and made room for newer ones.',
  },
  'no-such-rollout': {
    status: 404,
    title: 'There is no such rollout',
    example: 'There is no rollout 01KAP3Z8Q4T5V6W7X8Y9ZABCDE, or it has ended and made room for newer ones.',
  },
  'no-such-rule': {
    status: 404,
    title: 'There is no such rule',
    example: 'Fleet "demo" has no rule "night-lihgt". See /v1/fleets/demo/rules.',
  },
  'no-such-rule-version': {
    status: 404,
    title: 'There is no such version of the rule',
    example:
      'There is no version 7 of rule "night-light" of fleet "demo", or it has made room for newer ones.',
  },
  'no-telemetry-schema': {
    status: 404,
    title: 'The fleet has not declared what its devices measure',
    example: 'Fleet "demo" has not declared what its devices measure.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'This path does not have this method',
    example: 'Here there is GET, HEAD.',
  },
  'device-unreachable': {
    status: 409,
    title: 'The device is not reachable now',
    example:
      'Device "lamp-0001" is not online, and policy "now" does not wait. Use another policy to let the command wait.',
  },
  'fleet-full': {
    status: 409,
    title: 'The fleet has as many devices as it may',
    example: 'Device "lamp-9999" is new, and fleet "demo" has as many devices as it may.',
  },
  'rule-exists': {
    status: 409,
    title: 'There is such a rule already',
    example: 'Fleet "demo" has a rule "night-light", version 3. Replace it with PUT and If-Match.',
  },
  'rule-may-run': {
    status: 409,
    title: 'What the rule has begun may still run',
    example: 'Rule "watering" ends what it has begun, within 30s. Disable it, and delete it after that time.',
  },
  'too-many-rules': {
    status: 409,
    title: 'The fleet has as many rules as it may',
    example: 'Fleet "demo" has as many rules as it may. Delete some first.',
  },
  'command-not-cancellable': {
    status: 409,
    title: 'The command can no longer be cancelled',
    example: 'Command 01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17 is dispatched; only a pending command can be cancelled.',
  },
  'rollout-not-cancellable': {
    status: 409,
    title: 'The rollout has ended already',
    example: 'Rollout 01KAP3Z8Q4T5V6W7X8Y9ZABCDE is done already.',
  },
  'command-forgotten': {
    status: 410,
    title: 'The command of this idempotency key is no longer kept',
    example: 'Command 01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17 has ended and made room for newer ones.',
  },
  'rollout-forgotten': {
    status: 410,
    title: 'The rollout of this idempotency key is no longer kept',
    example: 'Rollout 01KAP3Z8Q4T5V6W7X8Y9ZABCDE has ended and made room for newer ones.',
  },
  'precondition-failed': {
    status: 412,
    title: 'The rule has another version',
    example:
      'Rule "night-light" of fleet "demo" has version 4. Read it again, and repeat the change on what is there.',
  },
  'body-too-large': {
    status: 413,
    title: 'The body is too large',
    example: 'A body may have at most 64 kB.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body must be JSON',
    example: 'The body is declared as "text/plain"; send Content-Type: application/json.',
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'This idempotency key came with another request',
    example: 'Use a new Idempotency-Key for a new command.',
  },
  'invalid-condition': {
    status: 422,
    title: 'The condition is not valid',
    example: 'The condition is not valid; see errors.',
  },
  'invalid-rule': {
    status: 422,
    title: 'The rule is not valid',
    example: 'The rule is not valid in 1 place; see errors.',
  },
  'too-much-work': {
    status: 422,
    title: 'The run would take too long',
    example:
      'The run was given up: more than 5 s of computing. Name fewer devices with "devices", or a shorter recording.',
  },
  'precondition-required': {
    status: 428,
    title: 'The request must say which version it knows',
    example:
      'Rule "night-light" of fleet "demo" is there; say with If-Match which version you know, so that nobody\'s change is lost.',
  },
  'queue-full': {
    status: 429,
    title: "The device's command queue is full",
    example:
      'Device "lamp-0001" has as many open commands as it may. Wait until some have ended, or cancel them.',
  },
  'too-many-rollouts': {
    status: 429,
    title: 'Too many rollouts are unfinished',
    example: 'As many rollouts have open commands as may. Wait until some have ended, or cancel them.',
  },
  'too-many-runs': {
    status: 429,
    title: 'Too many runs go on',
    example: '2 runs go on already. Try again in a few seconds.',
  },
  'internal-error': {
    status: 500,
    title: 'The service failed',
    example: 'This is a defect of the service; its log says more under 4b7c2f0e-8f7e-4f0c-9f53-1c1d6b1a2f3d.',
  },
  'store-away': { status: 503, title: 'Redis is away', example: 'Redis cannot be reached now.' },
  'store-refuses-writes': {
    status: 503,
    title: 'Redis takes no writes',
    example: 'Redis takes no writes now, its disk or its memory may be full. Try again later.',
  },
  'store-not-durable': {
    status: 503,
    title: 'Redis could lose commands',
    example: 'Redis keeps no append-only file: set "appendonly yes".',
  },
  'too-many-waiting': {
    status: 503,
    title: 'Too many requests wait for commands to end',
    example: '1000 requests wait already. Ask without "Prefer: wait", or later.',
  },
  'too-many-watchers': {
    status: 503,
    title: 'Too many clients watch events',
    example: '500 clients watch already. Try again later.',
  },
} as const;

export type ProblemName = keyof typeof PROBLEM_TYPES;

/** The `type` of a problem: an identifier, not an address. */
export const problemUri = (name: ProblemName): string => `urn:lamplighter:problem:${name}`;
