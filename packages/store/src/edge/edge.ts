import { EDGE_BOUNDS, type EdgeDecision, parseEdgeDecision } from '@lamplighter/contracts/edge/edge';
import type { Redis } from 'ioredis';
import { edgeDueKey, edgeKey, shardOf } from '../keys.js';
import { ALL_SHARDS } from '../redis/pipelined.js';
import { runScript } from '../redis/script.js';
import { takeDue } from '../redis/take-due.js';

/**
 * What devices decided by themselves while their link was down, and what the server thinks of it. A report is judged a while after
 * it came, when the neighbours have had time to come back too and to hand in what they measured. Whoever takes a device to judge has
 * it under a lease: a replica that dies in between only loses time.
 */
export interface DeviceName {
  readonly fleet: string;
  readonly device: string;
}

/** `data_missing`: not enough is stored to judge by. */
export const JUDGEMENTS = ['agrees', 'disagrees', 'neighbours_disagreed', 'data_missing'] as const;

/** What the server thinks of a decision, in plain sentences too. */
export interface Judgement {
  readonly judgement: (typeof JUDGEMENTS)[number];
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly sentences: readonly string[];
  /** Of a quorum: how the votes of that moment count. */
  readonly tally?: unknown;
}

/** A decision as the store keeps it. */
export interface StoredDecision {
  readonly decision: EdgeDecision;
  /** When its report came, milliseconds since 1970 on the clock of Redis. */
  readonly reportedAt: number;
  readonly judgement?: Judgement;
}

/** How long a replica may take to judge, milliseconds. */
const EDGE_LEASE_MS = 15_000;

/**
 * Keeps reported decisions; repeating it changes nothing.
 * @param dropped decisions that the device lost before it could report them, ever
 * @param judgeAfterMs when they are to be judged
 */
export async function reportDecisions(
  redis: Redis,
  { fleet, device }: DeviceName,
  { decisions, dropped }: { readonly decisions: readonly EdgeDecision[]; readonly dropped: number },
  judgeAfterMs: number,
): Promise<void> {
  await runScript(redis, 'reportEdge-2', keysOf({ fleet, device }), [
    `${fleet}/${device}`,
    judgeAfterMs,
    EDGE_BOUNDS.maxDecisions,
    dropped,
    ...decisions.flatMap((decision) => [decision.id, JSON.stringify(decision)]),
  ]);
}

function keysOf({ fleet, device }: DeviceName): string[] {
  const shard = shardOf(fleet, device);
  return [edgeKey(shard, fleet, device), edgeDueKey(shard)];
}

/** Takes up to `limit` devices whose decisions are to be judged; `now` is the time of Redis, milliseconds. */
export async function takeUnjudgedDevices(
  redis: Redis,
  limit: number,
): Promise<{ now: number; devices: DeviceName[] }> {
  const { now, members } = await takeDue(redis, ALL_SHARDS.map(edgeDueKey), limit, EDGE_LEASE_MS);
  const devices = members.map((member) => {
    const [fleet, device] = member.split('/') as [string, string];
    return { fleet, device };
  });
  return { now, devices };
}

/**
 * Writes judgements by decision; the first word stands, and what is not judged yet comes up again.
 * @returns those that were written
 */
export async function recordJudgements(
  redis: Redis,
  { fleet, device }: DeviceName,
  judgements: readonly (readonly [id: number, judgement: Judgement])[],
  judgeAfterMs: number,
): Promise<Judgement[]> {
  const written = (await runScript(redis, 'recordJudgement-2', keysOf({ fleet, device }), [
    `${fleet}/${device}`,
    judgeAfterMs,
    ...judgements.flatMap(([id, judgement]) => [id, JSON.stringify(judgement)]),
  ])) as number[];
  return judgements.flatMap(([, judgement], i) => (written[i] === 1 ? [judgement] : []));
}

/** What a device decided by itself, newest first, and how many decisions it lost. What somebody wrote by hand is left out. */
export async function readDecisions(
  redis: Redis,
  { fleet, device }: DeviceName,
): Promise<{ decisions: StoredDecision[]; dropped: number }> {
  const fields = await redis.hgetall(edgeKey(shardOf(fleet, device), fleet, device));
  const decisions = Object.entries(fields).flatMap(([field, text]): StoredDecision[] => {
    const [, reportedAt, json] = /^(\d+),(.*)$/s.exec(text) ?? [];
    const decision = /^\d+$/.test(field) && json !== undefined ? parseEdgeDecision(json) : undefined;
    if (decision === undefined) return [];
    const judged = fields[`${field}:judgement`];
    return [
      {
        decision,
        reportedAt: Number(reportedAt),
        ...(judged !== undefined && { judgement: JSON.parse(judged) as Judgement }),
      },
    ];
  });
  return {
    decisions: decisions.sort((a, b) => b.decision.id - a.decision.id),
    dropped: Number(fields.dropped ?? 0),
  };
}
