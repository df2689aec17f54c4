import type { Redis } from 'ioredis';
import { type CommandBody, readBody } from '../commands/read-commands.js';
import { commandKeys, deviceKey, presenceKey, SHARDS } from '../keys.js';
import { callFunction, callFunctions } from '../redis/functions.js';
import { endOverdue } from './end-overdue.js';

/** A claimed command: to be published now, or ended. */
export interface Claim {
  readonly outcome: 'dispatched' | 'expired' | 'superseded' | 'unknown';
  readonly command: CommandBody;
  readonly attempt: number;
  readonly claimedAt: number;
  /** How long the lease lasts, milliseconds from `claimedAt`. */
  readonly leaseMs: number;
  /** The device has published a birth, so it understands `_cmd` and sends acknowledgements. */
  readonly announced: boolean;
  /** The device uses the lesson topics. */
  readonly lesson: boolean;
  /** Commands of the lane that were cancelled because this one failed. */
  readonly aborted: readonly string[];
}

/** The shards with a due command (to dispatch, or with an ended lease or time to live), and the time of Redis, ms. */
export async function findDueShards(redis: Redis): Promise<{ now: number; shards: number[] }> {
  const [now, ...positions] = (await callFunction(redis, 'findDueShards-n', DUE_KEYS, [])) as [
    string,
    ...number[],
  ];
  return { now: Number(now), shards: positions.map((position) => position - 1) };
}

const DUE_KEYS = Array.from({ length: SHARDS }, (_, shard) => commandKeys(shard)[5]!);

/**
 * Claims due commands of these shards, at most `limit` in each, and ends overdue ones. Commands for unreachable devices are not claimed.
 * @param hasMore is called with each shard in which more can be due
 */
export async function claimCommands(
  redis: Redis,
  shards: readonly number[],
  limit: number,
  hasMore: (shard: number) => void = () => undefined,
): Promise<Claim[]> {
  const replies = await claimDue(redis, shards, limit, hasMore);
  const claims = replies.flatMap(([now, ...some]) =>
    some.map(([id, outcome, attempt, value, until, session, lesson]) => ({
      isOverdue: outcome === 'overdue',
      command: readBody(id, value),
      attempt,
      claimedAt: Number(now),
      leaseMs: Number(until) - Number(now),
      announced: session !== '',
      lesson: lesson === '1',
    })),
  );
  const ends = await endOverdue(
    redis,
    claims.filter(({ isOverdue }) => isOverdue).map(({ command }) => command),
  );
  return claims.flatMap(({ isOverdue, ...claim }) => {
    const end = ends.get(claim.command.id);
    if (isOverdue && end === undefined) return []; // another replica ended it
    return [{ ...claim, outcome: end?.outcome ?? 'dispatched', aborted: end?.aborted ?? [] }];
  });
}

type ClaimReply = [
  now: string,
  ...claims: [
    id: string,
    outcome: 'dispatched' | 'overdue',
    attempt: number,
    value: string,
    until: string,
    session: string,
    lesson: string,
  ][],
];

/** First lists the due commands with their devices, because the claiming function must declare the keys of each device. */
async function claimDue(
  redis: Redis,
  shards: readonly number[],
  limit: number,
  hasMore: (shard: number) => void,
): Promise<ClaimReply[]> {
  const found = (await callFunctions(
    redis,
    'findDueCommands-2',
    shards.map((shard) => {
      const [commands, , , , , due] = commandKeys(shard);
      return { keys: [due!, commands!], args: [limit] };
    }),
  )) as string[][];
  const calls = shards.flatMap((shard, i) => {
    const due = found[i]!;
    if (due.length === 0) return [];
    if (due.length === 2 * limit) hasMore(shard);
    const keys = commandKeys(shard);
    const positions = new Map<string, number>();
    const position = (key: string): number => {
      const known = positions.get(key) ?? keys.push(key);
      positions.set(key, known);
      return known;
    };
    const args: (string | number)[] = [];
    for (let at = 0; at < due.length; at += 2) {
      const [fleet, device] = due[at + 1]!.split('/');
      if (fleet === undefined || device === undefined) args.push(due[at]!, '', '');
      else
        args.push(due[at]!, position(deviceKey(shard, fleet, device)), position(presenceKey(shard, fleet)));
    }
    return [{ keys, args }];
  });
  return (await callFunctions(redis, 'claimCommands-n', calls)) as ClaimReply[];
}
