import {
  DEFAULT_ATTEMPTS,
  DEFAULT_TIMEOUT_MS,
  type OnFailure,
  type Policy,
} from '@lamplighter/contracts/commands/command';

/** How a command is delivered; its lane and time to live are separate. */
export interface DeliveryOptions {
  readonly policy: Policy;
  /** What its failure does to the lane; `skip` by default. */
  readonly onFailure?: OnFailure | undefined;
  /** How long the device may take after `acknowledged`, milliseconds; a minute by default. */
  readonly timeoutMs?: number | undefined;
  /** Maximum number of dispatches without an acknowledgement; 5 by default. */
  readonly attempts?: number | undefined;
  /** The rollout that the command belongs to. */
  readonly rollout?: string | undefined;
}

/**
 * The line above a command's JSON, for the functions, which write it:
 * `<fleet>/<device>/<lane> <seq> <expiresAt> <policy> <onFailure> <timeoutMs> <attempts> <rollout id or ->`.
 */
export interface CommandHeader {
  readonly fleet: string;
  readonly device: string;
  readonly lane: string;
  readonly seq: number;
  readonly expiresAt: number;
  readonly policy: Policy;
  readonly onFailure: OnFailure;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly rollout: string | undefined;
}

/** The cause of a command that ends what a rule has started; enqueue.lua accepts it into a queue that is full for others. */
export const promiseCause = (rule: string) => `promise:${rule}`;

/** The part of the header after the expiry, which functions copy. */
export function deliveryText(options: DeliveryOptions): string {
  const {
    policy,
    onFailure = 'skip',
    timeoutMs = DEFAULT_TIMEOUT_MS,
    attempts = DEFAULT_ATTEMPTS,
    rollout = '-',
  } = options;
  return `${policy} ${onFailure} ${timeoutMs} ${attempts} ${rollout}`;
}

/** Reads the header line. One of an earlier version ends after the policy. */
export function parseHeader(line: string): CommandHeader {
  const [lanePath, seq, expiresAt, policy, onFailure, timeoutMs, attempts, rollout] = line.split(' ');
  const [fleet, device, lane] = lanePath!.split('/');
  return {
    fleet: fleet!,
    device: device!,
    lane: lane!,
    seq: Number(seq),
    expiresAt: Number(expiresAt),
    policy: policy as Policy,
    onFailure: (onFailure ?? 'skip') as OnFailure,
    timeoutMs: Number(timeoutMs ?? DEFAULT_TIMEOUT_MS),
    attempts: Number(attempts ?? DEFAULT_ATTEMPTS),
    rollout: rollout === '-' ? undefined : rollout,
  };
}
