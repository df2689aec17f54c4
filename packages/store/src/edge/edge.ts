import { EDGE_BOUNDS, type EdgeDecision, parseEdgeDecision } from '@lamplighter/contracts/edge/edge';
import type { Redis } from 'ioredis';
import { edgeDueKey, edgeKey, shardOf } from '../keys.js';
import { claimDue } from '../redis/claim-due.js';
import { callFunction } from '../redis/functions.js';
import { ALL_SHARDS } from '../redis/pipelined.js';

/**
 * Edge decisions of devices, and the server's judgements of them. A decision is evaluated some time after its report, when the neighbours
 * have had time to reconnect and replay their readings. A replica claims a device under a lease, so a crash only delays the judgement.
 */
export interface DeviceName {
  readonly fleet: string;
  readonly device: string;
}

/** `data_missing`: the stored readings do not suffice. */
export const JUDGEMENTS = ['agrees', 'disagrees', 'neighbours_disagreed', 'data_missing'] as const;

/** The server's judgement of an edge decision, with an explanation. */
export interface Judgement {
  readonly judgement: (typeof JUDGEMENTS)[number];
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly sentences: readonly string[];
  /** For a quorum: the tally at the time of the decision. */
  readonly tally?: unknown;
}

/** A stored decision. */
export interface StoredDecision {
  readonly decision: EdgeDecision;
  /** When it was reported, milliseconds since 1970 on the Redis clock. */
  readonly reportedAt: number;
  readonly judgement?: Judgement;
}

/** How long a replica may take to evaluate the decisions of a device, milliseconds. */
const EDGE_LEASE_MS = 15_000;

/**
 * Stores reported decisions; repeating it changes nothing.
 * @param dropped how many decisions the device has ever lost before reporting them
 * @param dueAfterMs time until they are evaluated
 */
export async function reportDecisions(
  redis: Redis,
  { fleet, device }: DeviceName,
  { decisions, dropped }: { readonly decisions: readonly EdgeDecision[]; readonly dropped: number },
  dueAfterMs: number,
): Promise<void> {
  await callFunction(redis, 'reportEdge-2', keysOf({ fleet, device }), [
    `${fleet}/${device}`,
    dueAfterMs,
    EDGE_BOUNDS.maxDecisions,
    dropped,
    ...decisions.flatMap((decision) => [decision.id, JSON.stringify(decision)]),
  ]);
}

function keysOf({ fleet, device }: DeviceName): string[] {
  const shard = shardOf(fleet, device);
  return [edgeKey(shard, fleet, device), edgeDueKey(shard)];
}

/** Takes up to `limit` devices with decisions due for judgement; `now` is the time of Redis, milliseconds. */
export async function claimUnjudgedDevices(
  redis: Redis,
  limit: number,
): Promise<{ now: number; devices: DeviceName[] }> {
  const { now, members } = await claimDue(redis, ALL_SHARDS.map(edgeDueKey), limit, EDGE_LEASE_MS);
  const devices = members.map((member) => {
    const [fleet, device] = member.split('/') as [string, string];
    return { fleet, device };
  });
  return { now, devices };
}

/**
 * Records judgements; the first one of each decision is final. Decisions without one become due again.
 * @returns the judgements that were recorded
 */
export async function recordJudgements(
  redis: Redis,
  { fleet, device }: DeviceName,
  judgements: readonly (readonly [id: number, judgement: Judgement])[],
  dueAfterMs: number,
): Promise<Judgement[]> {
  const written = (await callFunction(redis, 'recordJudgement-2', keysOf({ fleet, device }), [
    `${fleet}/${device}`,
    dueAfterMs,
    ...judgements.flatMap(([id, judgement]) => [id, JSON.stringify(judgement)]),
  ])) as number[];
  return judgements.flatMap(([, judgement], i) => (written[i] === 1 ? [judgement] : []));
}

/** The edge decisions of a device, newest first, and how many it lost. Unreadable entries are skipped. */
export async function readDecisions(
  redis: Redis,
  { fleet, device }: DeviceName,
): Promise<{ decisions: StoredDecision[]; dropped: number }> {
  const fields = await redis.hgetall(edgeKey(shardOf(fleet, device), fleet, device));
  const decisions = Object.entries(fields).flatMap(([field, text]): StoredDecision[] => {
    const [, reportedAt, json] = /^(\d+),(.*)$/s.exec(text) ?? [];
    const decision = /^\d+$/.test(field) && json !== undefined ? parseEdgeDecision(json) : undefined;
    if (decision === undefined) return [];
    const judgement = fields[`${field}:judgement`];
    return [
      {
        decision,
        reportedAt: Number(reportedAt),
        ...(judgement !== undefined && { judgement: JSON.parse(judgement) as Judgement }),
      },
    ];
  });
  return {
    decisions: decisions.sort((a, b) => b.decision.id - a.decision.id),
    dropped: Number(fields.dropped ?? 0),
  };
}
