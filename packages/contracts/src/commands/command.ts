import { z } from 'zod';
import { BOUNDS } from '../bounds.js';
import { durationSchema } from '../duration.js';
import { jsonValueSchema } from '../json-value.js';
import {
  count,
  type InputFault,
  inWords,
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
 * Every step has a time, a cause and the attempt in which it was made. All of them, each in one script:
 *
 * | from                 | to           | who, and when                                              | cause                       |
 * |----------------------|--------------|------------------------------------------------------------|-----------------------------|
 * | -                    | pending      | REST, a rollout or a rule                                  | `api`, `rollout:<id>`, `rule:<id>` |
 * | pending              | dispatched   | the rule's replica, in the script that emits it            | `emit`                      |
 * | pending              | dispatched   | a replica that claims the head of a lane                   | `claim`                     |
 * | dispatched           | dispatched   | the same, after a lease without an answer                  | `no_answer`                 |
 * | acknowledged         | dispatched   | the same, after the timeout                                | `timeout`                   |
 * | dispatched           | pending      | the replica: no subscriber, or the broker refused          | `unreachable`, `refused_<code>` |
 * | dispatched, acknowledged | pending  | a claim, after a lease or timeout without an answer: the device is away, or stale and one attempt is left | `away` |
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
 * - Final states never change; a later answer is kept as evidence. Answers may come twice, late and in any order: states only rise.
 * - Presence decides whether a command is dispatched: for a device that is offline, was never heard, or is silent without a session it
 *   stays pending, costs no attempt, and waits for the device's birth, its next reading or answer, or its expiry. If the device is stale but
 *   its session is open, only the last of several attempts waits. Who else subscribes to the topic does not count.
 * - `attempt` counts dispatches that may have arrived. What is given back as unreachable does not count, so a pending command with
 *   an attempt above 0 was once sent and had no answer.
 * - `ttl` ends waiting: after `expiresAt` nothing is dispatched, and a device must not begin. Once acknowledged, `timeout` counts.
 * - Only the head of a lane is dispatched: the next one after the answer to the one before. A head that ends as failed, rejected,
 *   unknown or expired follows its `onFailure`; a cancellation or a newer command is no failure. One of `stop` or `abort-rest`
 *   that expires while others are before it stays pending until its turn, and fails then.
 * - A lease is the attempt and the time of its dispatch. What a replica says of another lease than the present one changes nothing.
 * - The clock is that of Redis.
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

/** One step of a command's life. `at` is milliseconds since 1970; `attempt` counts dispatches from 1. */
export interface Transition {
  readonly state: CommandState;
  readonly at: number;
  readonly attempt: number;
  readonly cause: string;
}

/** How commands of one lane follow each other; see docs/glossary.md. */
export const POLICIES = ['latest', 'ordered', 'now'] as const;
export type Policy = (typeof POLICIES)[number];

/** What the device is to do: `{"led_on": true}`. Keys with a leading underscore belong to the protocol. */
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

/** A lane orders the commands of one actuator; any number of lanes proceed side by side. */
export const laneSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'must be 1 to 64 letters, digits, "_", "." or "-"');

/** Bounds of the time that a device may take, milliseconds, and of the number of dispatches; and what holds if none is given. */
const MIN_TIMEOUT_MS = 1000;
const MAX_TIMEOUT_MS = 24 * 3_600_000;
export const DEFAULT_TIMEOUT_MS = 60_000;
const MAX_ATTEMPTS = 20;
export const DEFAULT_ATTEMPTS = 5;

/**
 * What becomes of the commands that wait behind one of an `ordered` lane that ends without success (failed, rejected, unknown or
 * expired): `skip`, they go on; `stop`, they wait until the lane is resumed; `abort-rest`, they are cancelled.
 */
export const ON_FAILURE = ['skip', 'stop', 'abort-rest'] as const;
export type OnFailure = (typeof ON_FAILURE)[number];

/** Whether `onFailure` means anything; every schema with these options has `.refine(failsInOrder, FAILS_IN_ORDER)`. */
export function failsInOrder({ policy, onFailure }: { policy: Policy; onFailure?: OnFailure | undefined }) {
  return onFailure === undefined || policy === 'ordered';
}
export const FAILS_IN_ORDER = {
  path: ['onFailure'],
  error: 'is only for policy "ordered": other lanes have no order that a failure could break',
};

/**
 * How a command is to be delivered; the same in a rule and over REST.
 * `ttl` is how long it may wait: a device must not begin it later. `timeout` is how long the device may take once it has
 * acknowledged. `attempts` is how often it is dispatched, in all, as long as the device does not answer.
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
  .refine(failsInOrder, FAILS_IN_ORDER);
export type Delivery = z.infer<typeof deliverySchema>;

/** Lane of a command that names none: its first action key, so that `{"led_on": …}` supersedes `{"led_on": …}`. */
export function defaultLane(action: Action): string {
  return Object.keys(action)[0] ?? 'default';
}

/**
 * The protocol's part of a command's payload, for devices that announced themselves with a birth.
 * `seq` grows within the lane; `expiresAt` is milliseconds since 1970 on the server's clock, and so is `deliverBy`, the time at which
 * the broker drops this copy of the command: `deliverBy` less the message expiry that is left is the server's time.
 */
export interface CommandEnvelope {
  readonly id: string;
  readonly lane: string;
  readonly seq: number;
  readonly attempt: number;
  readonly expiresAt: number;
  readonly deliverBy?: number;
}

/** Payload on `<id>/commands/<device>`: the action, and `_cmd` only for devices that announced themselves. */
export function commandPayload(actionJson: string, envelope?: CommandEnvelope): string {
  if (envelope === undefined) return actionJson;
  return `${actionJson.slice(0, -1)},"_cmd":${JSON.stringify(envelope)}}`;
}

export const ANSWER_STATUSES = ['acknowledged', 'succeeded', 'failed', 'rejected'] as const;

/** Longest id of a command in an answer, characters. */
const MAX_ID_LENGTH = 64;

/** What a device answers on `<id>/acknowledgements/<device>`. */
export const answerSchema = z.object({
  id: z.string().min(1).max(MAX_ID_LENGTH),
  status: z.enum(ANSWER_STATUSES),
  reason: z.string().max(BOUNDS.maxReasonLength).optional(),
  result: jsonValueSchema.optional(),
});
export type Answer = z.infer<typeof answerSchema>;

/** Largest answer, bytes: its result, and the rest. */
const MAX_ANSWER_BYTES = BOUNDS.maxResultBytes + 1024;

/** Reads an answer; undefined if it is none. Never throws. */
export function parseAnswer(payload: Buffer): Answer | undefined {
  const json = readJson(payload, MAX_ANSWER_BYTES);
  return 'value' in json ? answerSchema.safeParse(json.value).data : undefined;
}

/** Why `parseAnswer` refused a payload. */
export const answerReason = (payload: Buffer) => reasonOf(payload, MAX_ANSWER_BYTES);

/** Says what is wrong with a payload that `parseAnswer` refused. */
export function answerFault(payload: Buffer): InputFault {
  return payloadFault(payload, MAX_ANSWER_BYTES) ?? answerShapeFault(JSON.parse(payload.toString()));
}

/** The `id` of a payload that is no answer, if that much of it can be read. */
export function answerId(payload: Buffer): string | undefined {
  const json = readJson(payload, MAX_ANSWER_BYTES);
  const id = 'value' in json && isObject(json.value) ? json.value.id : undefined;
  return typeof id === 'string' && id.length <= MAX_ID_LENGTH ? id : undefined;
}

function answerShapeFault(value: unknown): InputFault {
  if (!isObject(value)) return schemaFault([], `an answer must be a JSON object, not ${inWords(value)}`);
  const { id, status, reason } = value;
  const statuses = ANSWER_STATUSES.join(', ');
  if (status === undefined) return schemaFault([], `\`status\` is missing: one of ${statuses}`);
  if (!(ANSWER_STATUSES as readonly unknown[]).includes(status)) {
    const isUpper =
      typeof status === 'string' && (ANSWER_STATUSES as readonly string[]).includes(status.toLowerCase());
    if (isUpper) return schemaFault(['status'], `status \`${status}\`: use lower case`);
    return schemaFault(['status'], `\`status\` must be one of ${statuses}, not ${inWords(status)}`);
  }
  if (id === undefined)
    return schemaFault([], '`id` is missing: repeat the `id` of the `_cmd` of the command');
  if (typeof id !== 'string') return schemaFault(['id'], `\`id\` must be text, not ${inWords(id)}`);
  if (id === '' || id.length > MAX_ID_LENGTH)
    return schemaFault(['id'], `\`id\` has ${id.length} characters, 1 to ${MAX_ID_LENGTH} are allowed`);
  if (reason !== undefined && typeof reason !== 'string')
    return schemaFault(['reason'], `\`reason\` must be text, not ${inWords(reason)}`);
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
