/**
 * Every type of error the API returns (RFC 9457). The name is the last part of the stable `type` URN. Names and statuses are
 * stable; titles and details are for humans. `example` is the example detail in the OpenAPI document.
 */
export const PROBLEM_TYPES = {
  'invalid-request': {
    status: 400,
    title: 'Invalid request',
    example: 'The body has 1 invalid field; see errors.',
  },
  'malformed-json': {
    status: 400,
    title: 'Body is not valid JSON',
    example: 'Unexpected end of JSON input.',
  },
  unauthorized: { status: 401, title: 'Missing or invalid API key', example: 'Unknown API key.' },
  'missing-scope': {
    status: 403,
    title: 'API key lacks the scope',
    example: 'This request needs an API key with scope "rules"; yours has "read".',
  },
  'other-fleet': {
    status: 403,
    title: 'API key may not use the fleet',
    example: 'Your API key may not use fleet "plant".',
  },
  'no-such-route': {
    status: 404,
    title: 'Unknown path',
    example: 'See /docs for the paths of this API.',
  },
  'no-such-fleet': {
    status: 404,
    title: 'Unknown fleet',
    example:
      'Fleet "demo" does not exist: none of its devices has ever reported. GET /v1/fleets lists the fleets.',
  },
  'no-such-device': {
    status: 404,
    title: 'Unknown device',
    example:
      'Device "lamp-9999" of fleet "demo" does not exist: it has never reported. GET /v1/fleets/demo/devices lists the devices.',
  },
  'no-such-removal': {
    status: 404,
    title: 'No removal of this fleet found',
    example: 'Fleet "demo" was not removed within the last day.',
  },
  'no-such-command': {
    status: 404,
    title: 'Unknown command',
    example: 'Command 01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17 does not exist, or has been pruned.',
  },
  'no-such-rollout': {
    status: 404,
    title: 'Unknown rollout',
    example: 'Rollout 01KAP3Z8Q4T5V6W7X8Y9ZABCDE does not exist, or has been pruned.',
  },
  'no-such-rule': {
    status: 404,
    title: 'Unknown rule',
    example: 'Fleet "demo" has no rule "night-lihgt". GET /v1/fleets/demo/rules lists its rules.',
  },
  'no-such-rule-version': {
    status: 404,
    title: 'Unknown rule version',
    example: 'Version 7 of rule "night-light" of fleet "demo" does not exist, or has been pruned.',
  },
  'no-telemetry-schema': {
    status: 404,
    title: 'No telemetry schema',
    example: 'Fleet "demo" has no telemetry schema. Declare one with PUT.',
  },
  'no-such-key': {
    status: 404,
    title: 'Unknown API key id',
    example: 'API key "3f2a91c0d4e7" does not exist. GET /v1/keys lists the keys.',
  },
  'no-such-account': {
    status: 404,
    title: 'Device has no account',
    example:
      'Device "pump-9" of fleet "plant" has no account. GET /v1/fleets/plant/accounts lists the accounts.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'Method not allowed',
    example: 'Allowed methods: GET, HEAD.',
  },
  'device-unreachable': {
    status: 409,
    title: 'Device is not online',
    example:
      'Device "lamp-0001" is not online, and policy "now" does not wait. Use another policy to queue the command.',
  },
  'fleet-full': {
    status: 409,
    title: 'Fleet device limit reached',
    example:
      'Fleet "demo" has reached its limit of 200000 devices, so the new device "lamp-9999" cannot be added.',
  },
  'rule-exists': {
    status: 409,
    title: 'Rule already exists',
    example:
      'Rule "night-light" of fleet "demo" already exists, as version 3. To replace it, use PUT with If-Match.',
  },
  'too-many-rules': {
    status: 409,
    title: 'Fleet rule limit reached',
    example: 'Fleet "demo" has reached its limit of 100 rules. Delete some first.',
  },
  'command-not-cancellable': {
    status: 409,
    title: 'Command can no longer be cancelled',
    example: 'Command 01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17 is dispatched; only a pending command can be cancelled.',
  },
  'rollout-not-cancellable': {
    status: 409,
    title: 'Rollout has already ended',
    example: 'Rollout 01KAP3Z8Q4T5V6W7X8Y9ZABCDE is already done.',
  },
  'last-key': {
    status: 409,
    title: 'Cannot revoke the last API key with scope admin',
    example:
      'This is the last valid API key with scope "admin". Create another one first, or repeat the request with ?allowLast=true.',
  },
  'too-many-keys': {
    status: 409,
    title: 'API key limit reached',
    example: 'There are already 1000 API keys. Revoke some first.',
  },
  'name-taken': {
    status: 409,
    title: 'Device name is taken',
    example: 'These names have, or had, an account in this installation: pump-1. No device was enrolled.',
  },
  'too-many-accounts': {
    status: 409,
    title: 'Device account limit reached',
    example: 'An installation can have 2000 device accounts. No device was enrolled; remove some first.',
  },
  'command-forgotten': {
    status: 410,
    title: 'Command for this idempotency key has been pruned',
    example: 'Command 01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17 has ended and has been pruned.',
  },
  'rollout-forgotten': {
    status: 410,
    title: 'Rollout for this idempotency key has been pruned',
    example: 'Rollout 01KAP3Z8Q4T5V6W7X8Y9ZABCDE has ended and has been pruned.',
  },
  'precondition-failed': {
    status: 412,
    title: 'Rule version does not match',
    example:
      'Rule "night-light" of fleet "demo" is at version 4. Read it again and apply your change to that version.',
  },
  'body-too-large': {
    status: 413,
    title: 'Body too large',
    example: 'The body must not exceed 64 kB.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'Body must be JSON',
    example: 'Content-Type is "text/plain"; send application/json in UTF-8.',
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'Idempotency key was already used for another request',
    example: 'Use a new Idempotency-Key for a new command.',
  },
  'invalid-condition': {
    status: 422,
    title: 'Invalid condition',
    example: 'The condition is not valid; see errors.',
  },
  'invalid-rule': {
    status: 422,
    title: 'Invalid rule',
    example: 'The rule has 1 error; see errors.',
  },
  'too-many-commands': {
    status: 422,
    title: 'Too many open commands to list',
    example: 'More than 50000 commands are open. Narrow the list to one fleet or one device.',
  },
  'too-much-work': {
    status: 422,
    title: 'Dry run takes too long',
    example:
      'The run was stopped: it needs more than 5 s of CPU time. Select fewer devices with "devices", or use a shorter recording.',
  },
  'precondition-required': {
    status: 428,
    title: 'Precondition required',
    example:
      'Rule "night-light" of fleet "demo" already exists. Send If-Match with the version to replace, so that you do not overwrite another change.',
  },
  'too-many-requests': {
    status: 429,
    title: 'Too many requests with this API key',
    example: 'Your API key sends more than 1000 requests per second. Try again later.',
  },
  'queue-full': {
    status: 429,
    title: 'Command queue of the device is full',
    example:
      'Device "lamp-0001" has reached its limit of 100 open commands. Wait for some to end, or cancel them.',
  },
  'too-many-rollouts': {
    status: 429,
    title: 'Too many unfinished rollouts',
    example: 'Too many rollouts still have open commands. Wait for some to finish, or cancel them.',
  },
  'too-many-runs': {
    status: 429,
    title: 'Too many dry runs in progress',
    example: '2 dry runs are already in progress. Try again in a few seconds.',
  },
  'internal-error': {
    status: 500,
    title: 'Internal error',
    example:
      'This is a bug in the service. Its log has the details, with id 4b7c2f0e-8f7e-4f0c-9f53-1c1d6b1a2f3d.',
  },
  'store-away': {
    status: 503,
    title: 'Redis is unavailable',
    example: 'Redis is unavailable. Try again later.',
  },
  'store-refuses-writes': {
    status: 503,
    title: 'Redis rejects writes',
    example: 'Redis rejects writes; its disk or memory may be full. Try again later.',
  },
  'store-not-durable': {
    status: 503,
    title: 'Redis is not durable',
    example: 'Redis has no append-only file: set "appendonly yes".',
  },
  'too-many-waiting': {
    status: 503,
    title: 'Too many waiting requests',
    example: '1000 requests are already waiting. Retry without "Prefer: wait", or later.',
  },
  'too-many-watchers': {
    status: 503,
    title: 'Too many event streams',
    example: '500 event streams are already open. Try again later.',
  },
} as const;

export type ProblemName = keyof typeof PROBLEM_TYPES;

/** The `type` of a problem: an identifier, not an address. */
export const problemUri = (name: ProblemName): string => `urn:lamplighter:problem:${name}`;
