import { matchedOf } from '@lamplighter/contracts/rollouts/rollout';
import type { Rollout } from '@lamplighter/store/rollouts/rollouts';
import { isoTime } from '../responses/iso-time.js';
import type { RolloutBody } from './rollout.schema.js';

/** A rollout as the API returns it. */
export function rolloutBody(rollout: Rollout): RolloutBody {
  const { request } = rollout;
  return {
    id: rollout.id,
    fleet: rollout.fleet,
    state: rollout.state,
    action: request.action,
    policy: request.policy,
    lane: request.lane,
    ttl: request.ttl,
    timeout: request.timeout,
    attempts: request.attempts,
    ...(request.onFailure !== undefined && { onFailure: request.onFailure }),
    selector: request.selector,
    rate: request.rate,
    ...(request.abortAbove !== undefined && { abortAbove: request.abortAbove }),
    ...(request.key !== undefined && { key: request.key }),
    matched: matchedOf(rollout),
    enqueued: rollout.enqueued,
    skipped: { ...rollout.skipped },
    outcomes: { ...rollout.outcomes },
    startedAt: isoTime(rollout.startedAt),
    ...(rollout.endedAt !== undefined && { endedAt: isoTime(rollout.endedAt) }),
  };
}
