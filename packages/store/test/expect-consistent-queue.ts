import { COMMAND_STATES, type CommandState, OPEN_STATES } from '@lamplighter/contracts/command';
import type { Redis } from 'ioredis';
import { LEASE_MS } from '../src/accept-readings.js';
import { isFinal } from '../src/commands.js';
import { redisNow } from '../src/connect.js';
import { commandKeys, SHARDS } from '../src/keys.js';

/** A command as the keys of a shard tell it, read independently of the code under test. */
interface Kept {
  readonly id: string;
  readonly lane: string;
  readonly member: string;
  readonly expiresAt: number;
  readonly state: CommandState;
  readonly path: readonly CommandState[];
  readonly since: number;
}

/** Which state may follow which. A requeued command is pending again, and an answer may come even then. */
const NEXT: Record<CommandState, readonly CommandState[]> = {
  pending: COMMAND_STATES.filter((state) => state !== 'pending'),
  dispatched: ['pending', 'dispatched', 'acknowledged', 'succeeded', 'failed', 'rejected', 'unknown'],
  acknowledged: ['dispatched', 'succeeded', 'failed', 'rejected', 'unknown'],
  succeeded: [],
  failed: [],
  rejected: [],
  expired: [],
  superseded: [],
  cancelled: [],
  unknown: [],
};
/** Longest time until an open head needs attention again: the longest lease, or the wait that tests ask for. */
const MAX_WAIT_MS = LEASE_MS * 2 ** 6;

/**
 * Checks what must hold between any two calls, in every shard: the keys tell of the same commands, open ones are in the queue
 * and due exactly once, final ones are in neither and never change, each lane has at most one command on its way, which is
 * its head, and every head is due in time, so that nothing is stuck.
 */
export async function expectConsistentQueue(
  redis: Redis,
  options: { shards?: readonly number[] } = {},
): Promise<void> {
  const now = await redisNow(redis);
  for (const shard of new Set(options.shards ?? Array.from({ length: SHARDS }, (_, i) => i))) {
    if ((await redis.exists(...commandKeys(shard))) > 0) await expectConsistentShard(redis, shard, now);
  }
}

async function expectConsistentShard(redis: Redis, shard: number, now: number): Promise<void> {
  const [commandsKey, transitionsKey, answersKey, queueKey, indexKey, dueKey] = commandKeys(shard) as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const [values, histories, answers, queue, index, due] = await Promise.all([
    redis.hgetall(commandsKey),
    redis.hgetall(transitionsKey),
    redis.hkeys(answersKey),
    redis.zrange(queueKey, '0', '-1'),
    redis.zrange(indexKey, '0', '-1'),
    redis.zrange(dueKey, '0', '-1', 'WITHSCORES'),
  ]);
  const dueAt = new Map<string, number>();
  for (let i = 0; i < due.length; i += 2) dueAt.set(due[i]!, Number(due[i + 1]));
  const kept = Object.entries(values).map(([id, value]) => parse(id, value, histories[id]));
  const open = kept.filter(({ state }) => !isFinal(state));
  const ids = sorted(kept.map(({ id }) => id));

  expect(sorted(Object.keys(histories))).toEqual(ids);
  expect(sorted(index.map((member) => member.split('/')[2]!))).toEqual(ids);
  expect(ids).toEqual(expect.arrayContaining(answers));
  expect(queue).toEqual(sorted(open.map(({ member }) => member)));
  expect(sorted(dueAt.keys())).toEqual(sorted(open.map(({ id }) => id)));

  for (const { id, path } of kept) {
    for (const [i, state] of path.entries()) {
      // A history that was cut has a gap after its beginning.
      if (i > 1) expect([id, path, NEXT[path[i - 1]!].includes(state)]).toEqual([id, path, true]);
    }
    expect(path.filter(isFinal).length).toBeLessThanOrEqual(1);
  }
  for (const lane of new Set(open.map((command) => command.lane))) {
    const commands = open.filter((command) => command.lane === lane);
    commands.sort((a, b) => (a.member < b.member ? -1 : 1));
    expect([commands, commands.slice(1).filter(({ state }) => state !== 'pending')]).toEqual([commands, []]);
    const head = commands[0]!;
    const attention = dueAt.get(head.id)!;
    expect(attention).toBeLessThanOrEqual(Math.max(now, head.expiresAt));
    expect(attention).toBeLessThanOrEqual(Math.max(now, head.since) + MAX_WAIT_MS);
    for (const { id, expiresAt } of commands)
      expect(dueAt.get(id)).toBeLessThanOrEqual(Math.max(now, expiresAt));
  }
}

function parse(id: string, value: string, history: string | undefined): Kept {
  const [, lane, seq, expiresAt] =
    /^(\S+) (\d{16}) (\d+) (?:latest|ordered|now) (?:skip|stop|abort-rest) \d+ \d+ \S+\n\{/.exec(value) ?? [];
  const path = (history ?? '').split(';').map((step) => step.split(',')[0] as CommandState);
  const state = path.at(-1)!;
  const since = Number(/,(\d+),\d+,[^;]*$/.exec(history ?? '')?.[1]);
  expect([...OPEN_STATES, ...COMMAND_STATES]).toContain(state);
  return {
    id,
    lane: lane!,
    member: `${lane}/${seq}/${id}`,
    expiresAt: Number(expiresAt),
    state,
    path,
    since,
  };
}

const sorted = (texts: Iterable<string>): string[] => [...texts].sort();
