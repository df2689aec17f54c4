import { z } from 'zod';
import { BOUNDS } from '../bounds.js';
import { durationSchema } from '../duration.js';
import { jsonValueSchema } from '../json-value.js';
import {
  count,
  describeValue,
  type InputFault,
  isObject,
  payloadFault,
  readJson,
  reasonOf,
  schemaFault,
} from '../telemetry/input-fault.js';

/**
 * The life of a command:
 *
 *   pending → dispatched → acknowledged → succeeded | failed | rejected
 *
 * Final states without an acknowledgement: `expired` (it waited too long), `superseded` (a newer command of its `latest` lane replaced
 * it), `cancelled`, and `unknown`: it was dispatched, and may or may not have been executed.
 *
 * Every step has a time, a cause and the attempt in which it was made. All of them, each in one function:
 *
 * | from                 | to           | by whom, and when                                          | cause                       |
 * |----------------------|--------------|------------------------------------------------------------|-----------------------------|
 * | -                    | pending      | REST, a rollout or a rule                                  | `api`, `rollout:<id>`, `rule:<id>` |
 * | pending              | dispatched   | the rule's replica, in the function that emits it            | `emit`                      |
 * | pending              | dispatched   | a replica that claims the head of a lane                   | `claim`                     |
 * | dispatched           | dispatched   | the same, after a lease without an acknowledgement         | `no_answer`                 |
 * | acknowledged         | dispatched   | the same, after the timeout                                | `timeout`                   |
 * | dispatched           | pending      | the replica: no subscriber, or the broker refused          | `unreachable`, `refused_<code>` |
 * | dispatched, acknowledged | pending  | a claim, after a lease or timeout without an acknowledgement: the device is offline, or stale and one attempt is left | `away` |
 * | any open             | acknowledged | the device has started to execute it                       | `device`                    |
 * | any open             | succeeded, failed, rejected | the device, in this or an earlier attempt   | `device`                    |
 * | dispatched           | unknown      | the replica, if the device never published a birth and so never acknowledges | `unannounced`         |
 * | dispatched, pending  | unknown      | time: expired, or attempts used up, though it was sent     | `no_answer`                 |
 * | acknowledged         | unknown      | time: the timeout, and expired or attempts used up         | `timeout`                   |
 * | pending              | expired      | time: `ttl` is over and it was never sent                  | `ttl`                       |
 * | pending              | expired      | policy `now`, and the device is offline or has no subscription | `unreachable`, `refused_<code>` |
 * | pending              | superseded   | a newer one of policy `latest`                             | id of that one              |
 * | pending              | cancelled    | REST, a rollout                                            | `api`, `rollout:<id>`       |
 * | pending              | cancelled    | the command before it failed, and aborts the rest          | `aborted:<id>`              |
 * | dispatched, given back | superseded | a newer one of policy `latest` came while it was in flight, and there was no subscriber | id of that one |
 * | any open, once sent  | unknown      | the same, and no acknowledgement came: it is not sent again | `superseded:<id>`           |
 * | pending, once sent   | unknown      | instead of superseded or cancelled: it may have been executed | `superseded:<id>`, `cancelled` |
 *
 * - Final states never change; a later acknowledgement is only stored. Acknowledgements can arrive twice, late and in any order: the
 *   state only advances.
 * - Presence decides whether a command is dispatched. For a device that is offline, was never seen, or is silent without a session, it stays
 *   pending, uses no attempt, and waits for the device's birth, its next reading or acknowledgement, or its expiry. If the device is stale but
 *   its session is open, only the last of several attempts waits. Other subscribers of the topic do not matter.
 * - `attempt` counts dispatches that may have arrived. A dispatch that failed as unreachable does not count, so a pending command with an
 *   attempt above 0 has been sent and not acknowledged.
 * - `ttl` ends waiting: after `expiresAt` nothing is dispatched, and a device must not start it. Once acknowledged, `timeout` applies.
 * - Only the head of a lane is dispatched; the next command follows when the head has ended. A head that ends as failed, rejected, unknown or
 *   expired follows its `onFailure`; being cancelled or superseded is not a failure. A command with `stop` or `abort-rest` that expires behind
 *   others stays pending until its turn, and fails then.
 * - A lease is the attempt and the time of its dispatch. A report about any lease but the current one is ignored.
 * - All times are on the Redis clock.
 */
export const OPEN_STATES = ['pending', 'dispatched', 'acknowledged'] as const;
export const FINAL_STATES = [
  'succeeded',
  'failed',
  'rejected',
  'expired',
  'superseded',
  'cancelled',
  'unknown',
] as const;
export const COMMAND_STATES = [...OPEN_STATES, ...FINAL_STATES] as const;
export type CommandState = (typeof COMMAND_STATES)[number];

/** One change of a command's state. `at` is milliseconds since 1970; `attempt` counts dispatches from 1. */
export interface Transition {
  readonly state: CommandState;
  readonly at: number;
  readonly attempt: number;
  readonly cause: string;
}

/** How commands of one lane follow each other; see docs/glossary.md. */
export const POLICIES = ['latest', 'ordered', 'now'] as const;
export type Policy = (typeof POLICIES)[number];

/** What the device should do: `{"led_on": true}`. Keys with a leading underscore are reserved for the protocol. */
export type Action = Record<string, unknown>;

export const actionSchema = z
  .record(
    z
      .string()
      .regex(
        /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/,
        'an action key must be 1 to 64 letters (a to z), digits, "_", "." or "-", and begin with a letter or digit',
      ),
    jsonValueSchema,
  )
  .refine((action) => Object.keys(action).length > 0, 'needs at least one key')
  .refine(
    (action) => Buffer.byteLength(JSON.stringify(action)) <= BOUNDS.maxActionBytes,
    `must be at most ${BOUNDS.maxActionBytes} bytes of JSON`,
  );

/** A lane orders the commands of one actuator; lanes are independent of each other. */
export const laneSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'must be 1 to 64 letters, digits, "_", "." or "-"');

/** Bounds and defaults of `timeout`, milliseconds, and of `attempts`. */
const MIN_TIMEOUT_MS = 1000;
const MAX_TIMEOUT_MS = 24 * 3_600_000;
export const DEFAULT_TIMEOUT_MS = 60_000;
const MAX_ATTEMPTS = 20;
export const DEFAULT_ATTEMPTS = 5;

/**
 * What happens to the commands behind a command of an `ordered` lane that ends as failed, rejected, unknown or expired: `skip`, the next one
 * follows; `stop`, they wait until the lane is resumed; `abort-rest`, they are cancelled.
 */
export const ON_FAILURE = ['skip', 'stop', 'abort-rest'] as const;
export type OnFailure = (typeof ON_FAILURE)[number];

/** Whether the policy allows `onFailure`; every schema with these options has `.refine(isOnFailureAllowed, ON_FAILURE_ERROR)`. */
export function isOnFailureAllowed({
  policy,
  onFailure,
}: {
  policy: Policy;
  onFailure?: OnFailure | undefined;
}) {
  return onFailure === undefined || policy === 'ordered';
}
export const ON_FAILURE_ERROR = {
  path: ['onFailure'],
  error: 'is only valid with policy "ordered"',
};

/**
 * How a command is delivered; the same in rules and over REST. `ttl` limits how long it waits: a device must not start it later. `timeout`
 * limits how long the device takes after `acknowledged`. `attempts` limits the dispatches without an acknowledgement.
 */
export const deliverySchema = z
  .strictObject({
    policy: z.enum(POLICIES).default('latest'),
    lane: laneSchema.optional(),
    ttl: durationSchema(BOUNDS.minTtlMs, BOUNDS.maxTtlMs).default('1h'),
    timeout: durationSchema(MIN_TIMEOUT_MS, MAX_TIMEOUT_MS).default('1m'),
    attempts: z.int().min(1).max(MAX_ATTEMPTS).default(DEFAULT_ATTEMPTS),
    onFailure: z.enum(ON_FAILURE).optional(),
  })
  .refine(isOnFailureAllowed, ON_FAILURE_ERROR);
export type Delivery = z.infer<typeof deliverySchema>;

/** The default lane of a command: its first action key, so that `{"led_on": false}` supersedes `{"led_on": true}`. */
export function defaultLane(action: Action): string {
  return Object.keys(action)[0] ?? 'default';
}

/**
 * The protocol's part of a command's payload, for devices that have published a birth. `seq` grows within the lane. `expiresAt` and `deliverBy`
 * are milliseconds since 1970 on the server's clock; at `deliverBy` the broker drops this copy of the command, so `deliverBy` minus the
 * remaining message expiry is the server's time.
 */
export interface CommandEnvelope {
  readonly id: string;
  readonly lane: string;
  readonly seq: number;
  readonly attempt: number;
  readonly expiresAt: number;
  readonly deliverBy?: number;
}

/** Payload on `<id>/commands/<device>`: the action, with `_cmd` only for devices that have published a birth. */
export function commandPayload(actionJson: string, envelope?: CommandEnvelope): string {
  if (envelope === undefined) return actionJson;
  return `${actionJson.slice(0, -1)},"_cmd":${JSON.stringify(envelope)}}`;
}

export const ACKNOWLEDGEMENT_STATUSES = ['acknowledged', 'succeeded', 'failed', 'rejected'] as const;

/** Longest command id in an acknowledgement, characters. */
const MAX_ID_LENGTH = 64;

/** A device's message on `<id>/acknowledgements/<device>`. */
export const acknowledgementSchema = z.object({
  id: z.string().min(1).max(MAX_ID_LENGTH),
  status: z.enum(ACKNOWLEDGEMENT_STATUSES),
  reason: z.string().max(BOUNDS.maxReasonLength).optional(),
  result: jsonValueSchema.optional(),
});
export type Acknowledgement = z.infer<typeof acknowledgementSchema>;

/** Largest acknowledgement, bytes: its result and the other fields. */
const MAX_ACKNOWLEDGEMENT_BYTES = BOUNDS.maxResultBytes + 1024;

/** Parses an acknowledgement; undefined if it is not valid. Never throws. */
export function parseAcknowledgement(payload: Buffer): Acknowledgement | undefined {
  const json = readJson(payload, MAX_ACKNOWLEDGEMENT_BYTES);
  return 'value' in json ? acknowledgementSchema.safeParse(json.value).data : undefined;
}

/** Why `parseAcknowledgement` rejected a payload. */
export const acknowledgementReason = (payload: Buffer) => reasonOf(payload, MAX_ACKNOWLEDGEMENT_BYTES);

/** Explains why `parseAcknowledgement` rejected a payload. */
export function acknowledgementFault(payload: Buffer): InputFault {
  return (
    payloadFault(payload, MAX_ACKNOWLEDGEMENT_BYTES) ??
    acknowledgementShapeFault(JSON.parse(payload.toString()))
  );
}

/** The `id` in a payload that is not a valid acknowledgement, if it has one. */
export function acknowledgementId(payload: Buffer): string | undefined {
  const json = readJson(payload, MAX_ACKNOWLEDGEMENT_BYTES);
  const id = 'value' in json && isObject(json.value) ? json.value.id : undefined;
  return typeof id === 'string' && id.length <= MAX_ID_LENGTH ? id : undefined;
}

function acknowledgementShapeFault(value: unknown): InputFault {
  if (!isObject(value))
    return schemaFault([], `an acknowledgement must be a JSON object, not ${describeValue(value)}`);
  const { id, status, reason } = value;
  const statuses = ACKNOWLEDGEMENT_STATUSES.join(', ');
  if (status === undefined) return schemaFault([], `\`status\` is missing: one of ${statuses}`);
  if (!(ACKNOWLEDGEMENT_STATUSES as readonly unknown[]).includes(status)) {
    const isUpper =
      typeof status === 'string' &&
      (ACKNOWLEDGEMENT_STATUSES as readonly string[]).includes(status.toLowerCase());
    if (isUpper) return schemaFault(['status'], `status \`${status}\`: use lower case`);
    return schemaFault(['status'], `\`status\` must be one of ${statuses}, not ${describeValue(status)}`);
  }
  if (id === undefined)
    return schemaFault([], '`id` is missing: repeat the `id` of the `_cmd` of the command');
  if (typeof id !== 'string') return schemaFault(['id'], `\`id\` must be a string, not ${describeValue(id)}`);
  if (id === '' || id.length > MAX_ID_LENGTH)
    return schemaFault(['id'], `\`id\` has ${id.length} characters, 1 to ${MAX_ID_LENGTH} are allowed`);
  if (reason !== undefined && typeof reason !== 'string')
    return schemaFault(['reason'], `\`reason\` must be a string, not ${describeValue(reason)}`);
  if (typeof reason === 'string' && reason.length > BOUNDS.maxReasonLength)
    return schemaFault(
      ['reason'],
      `\`reason\` has ${count(reason.length)} characters, at most ${BOUNDS.maxReasonLength}`,
    );
  return schemaFault(
    ['result'],
    `\`result\` ${jsonValueSchema.safeParse(value.result).error?.issues[0]?.message ?? 'is not valid'}`,
  );
}
