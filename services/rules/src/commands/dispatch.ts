import { commandsTopic } from '@lamplighter/contracts/topics';
import type { EnqueueOutcome } from '@lamplighter/store/commands/emitted-command';
import type { CommandSource } from '@lamplighter/store/commands/read-commands';
import type { Claim } from '@lamplighter/store/delivery/claim-commands';
import type { Lease } from '@lamplighter/store/delivery/lease';
import { LEASE_MS } from '@lamplighter/store/delivery/lease';
import type { EmittedCommand } from '../evaluation/evaluate-part.js';
import type { KnownDevice } from '../evaluation/known-device.js';

/** A leased command on its way to the device. Times of this process are monotonic (performance.now), milliseconds. */
export interface Dispatch {
  readonly id: string;
  readonly fleet: string;
  readonly device: string;
  readonly topic: string;
  readonly lane: string;
  readonly seq: number;
  readonly attempt: number;
  /** Time of Redis, as it names this lease. */
  readonly claimedAt: number;
  /** Time of this process: after it another replica may hold the next lease. */
  readonly leaseEnds: number;
  /** Time of Redis, for the device, and the same moment as time of this process. */
  readonly expiresAt: number;
  readonly expires: number;
  readonly actionJson: string;
  readonly source: CommandSource['source'];
  /** The device understands `_cmd` and answers. */
  readonly answers: boolean;
  /** The trace that it belongs to, for the device. */
  readonly traceparent: string | undefined;
  /** When the reading that caused it was taken off the socket; undefined for all but a rule's first dispatch. */
  readonly takenAt: number | undefined;
}

/** A rule's command that the store has leased to us in the same call. */
export function emittedDispatch(
  command: EmittedCommand,
  { seq, expiresAt }: EnqueueOutcome,
  { address, commandsTopic, answers }: KnownDevice,
): Dispatch {
  const { id, lane, actionJson, takenAt, ttl, traceparent } = command;
  return {
    id,
    fleet: address.fleet,
    device: address.device,
    topic: commandsTopic,
    lane,
    seq,
    attempt: 1,
    claimedAt: expiresAt - ttl,
    leaseEnds: takenAt + Math.min(LEASE_MS, ttl),
    expiresAt,
    expires: takenAt + ttl,
    actionJson,
    source: 'rule',
    answers,
    traceparent,
    takenAt,
  };
}

/** @param askedAt when the claim was asked for, time of this process: no later than the lease began */
export function claimedDispatch(claim: Claim, askedAt: number): Dispatch {
  const { command, attempt, claimedAt, leaseMs, announced, lesson } = claim;
  const { id, fleet, device, lane, seq, expiresAt, action, source, traceparent } = command;
  return {
    id,
    fleet,
    device,
    topic: commandsTopic(fleet, device, lesson),
    lane,
    seq,
    attempt,
    claimedAt,
    leaseEnds: askedAt + leaseMs,
    expiresAt,
    expires: askedAt + expiresAt - claimedAt,
    actionJson: JSON.stringify(action),
    source,
    answers: announced,
    traceparent,
    takenAt: undefined,
  };
}

export function leaseOf({ id, fleet, device, attempt, claimedAt }: Dispatch): Lease {
  return { id, device: `${fleet}/${device}`, attempt, claimedAt };
}
