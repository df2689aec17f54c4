import { commandsTopic } from '@lamplighter/contracts/topics';
import type { EnqueueOutcome } from '@lamplighter/store/commands/emitted-command';
import type { CommandSource } from '@lamplighter/store/commands/read-commands';
import type { Claim } from '@lamplighter/store/delivery/claim-commands';
import type { Lease } from '@lamplighter/store/delivery/lease';
import { LEASE_MS } from '@lamplighter/store/keys';
import type { KnownDevice } from '../cache/known-device.js';
import type { EmittedCommand } from '../evaluation/evaluate-part.js';

/** A leased command to publish. "Local" times are those of performance.now(), milliseconds. */
export interface Dispatch {
  readonly id: string;
  readonly fleet: string;
  readonly device: string;
  readonly topic: string;
  readonly lane: string;
  readonly seq: number;
  readonly attempt: number;
  /** Redis time; identifies the lease. */
  readonly claimedAt: number;
  /** Local time after which another replica may hold the next lease. */
  readonly leaseEnds: number;
  /** Expiry of the command: Redis time, for the device, and the same moment as local time. */
  readonly expiresAt: number;
  readonly expires: number;
  readonly actionJson: string;
  readonly source: CommandSource['source'];
  /** The device understands `_cmd` and acknowledges. */
  readonly acknowledges: boolean;
  /** Trace context, passed to the device. */
  readonly traceparent: string | undefined;
  /** Local time at which the reading that caused it arrived; only for the first dispatch of a rule's command. */
  readonly arrivedAt: number | undefined;
}

/** The dispatch of a rule's command that was leased to this replica when it was stored. */
export function emittedDispatch(
  command: EmittedCommand,
  { seq, expiresAt }: EnqueueOutcome,
  { address, commandsTopic, acknowledges }: KnownDevice,
): Dispatch {
  const { id, lane, actionJson, arrivedAt, ttl, traceparent } = command;
  return {
    id,
    fleet: address.fleet,
    device: address.device,
    topic: commandsTopic,
    lane,
    seq,
    attempt: 1,
    claimedAt: expiresAt - ttl,
    leaseEnds: arrivedAt + Math.min(LEASE_MS, ttl),
    expiresAt,
    expires: arrivedAt + ttl,
    actionJson,
    source: 'rule',
    acknowledges,
    traceparent,
    arrivedAt,
  };
}

/** The dispatch of a claimed command. @param requestedAt local time before the claim, so that the lease never ends late */
export function claimedDispatch(claim: Claim, requestedAt: number): Dispatch {
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
    leaseEnds: requestedAt + leaseMs,
    expiresAt,
    expires: requestedAt + expiresAt - claimedAt,
    actionJson: JSON.stringify(action),
    source,
    acknowledges: announced,
    traceparent,
    arrivedAt: undefined,
  };
}

export function leaseOf({ id, fleet, device, attempt, claimedAt }: Dispatch): Lease {
  return { id, device: `${fleet}/${device}`, attempt, claimedAt };
}
