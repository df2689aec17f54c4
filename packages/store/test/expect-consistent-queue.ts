import {
  COMMAND_STATES,
  type CommandState,
  FINAL_STATES,
  OPEN_STATES,
} from '@lamplighter/contracts/commands/command';
import type { Redis } from 'ioredis';
import { isFinal } from '../src/commands/read-commands.js';
import { commandKeys, deviceKey, LEASE_MS, ledgerKey, rolloutsKey, SHARDS } from '../src/keys.js';
import { redisNow } from '../src/redis/connect.js';

/** A stored command, read independently of the code under test. */
interface StoredCommand {
  readonly id: string;
  readonly lane: string;
  readonly member: string;
  readonly fleet: string;
  readonly source: string;
  readonly rollout: string;
  readonly expiresAt: number;
  readonly timeoutMs: number;
  readonly onFailure: string;
  readonly state: CommandState;
  readonly path: readonly CommandState[];
  readonly since: number;
}

/** The allowed transitions. A requeued command is pending again, and can be acknowledged even then. */
const NEXT: Record<CommandState, readonly CommandState[]> = {
  pending: COMMAND_STATES.filter((state) => state !== 'pending'),
  dispatched: ['pending', 'dispatched', 'acknowledged', 'succeeded', 'failed', 'rejected', 'unknown'],
  acknowledged: ['pending', 'dispatched', 'succeeded', 'failed', 'rejected', 'unknown'],
  succeeded: [],
  failed: [],
  rejected: [],
  expired: [],
  superseded: [],
  cancelled: [],
  unknown: [],
};
/** Longest time until an open head that is not acknowledged needs attention again: the longest lease, or wait after a requeue. */
const MAX_WAIT_MS = Math.max(LEASE_MS * 2 ** 6, 120 * 60_000);
/** Time until the next check of an overdue command that can end only in its turn, milliseconds. */
const LATER_MS = 60_000;

/**
 * Checks the invariants between any two calls, in every shard: all keys have the same commands; open ones are in the queue and the due
 * index exactly once, final ones in neither; each lane has at most one command in flight, its head; and every head is due in time, so
 * that no lane is blocked.
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
  const [values, transitions, acknowledgements, queue, index, due] = await Promise.all([
    redis.hgetall(commandsKey),
    redis.hgetall(transitionsKey),
    redis.hkeys(answersKey),
    redis.zrange(queueKey, '0', '-1'),
    redis.zrange(indexKey, '0', '-1'),
    redis.zrange(dueKey, '0', '-1', 'WITHSCORES'),
  ]);
  const dueAt = new Map<string, number>();
  for (let i = 0; i < due.length; i += 2) dueAt.set(due[i]!, Number(due[i + 1]));
  const kept = Object.entries(values).map(([id, value]) => parse(id, value, transitions[id]));
  const open = kept.filter(({ state }) => !isFinal(state));
  const ids = sorted(kept.map(({ id }) => id));

  expect(sorted(Object.keys(transitions))).toEqual(ids);
  expect(sorted(index.map((member) => member.split('/')[2]!))).toEqual(ids);
  expect(ids).toEqual(
    expect.arrayContaining(acknowledgements.map((field) => field.replace(/:(effect|unread)$/, ''))),
  );
  expect(queue).toEqual(sorted(open.map(({ member }) => member)));
  expect(sorted(dueAt.keys())).toEqual(sorted(open.map(({ id }) => id)));

  for (const { id, path } of kept) {
    for (const [i, state] of path.entries()) {
      // A pruned path has a gap after its first transition.
      if (i > 1) expect([id, path, NEXT[path[i - 1]!].includes(state)]).toEqual([id, path, true]);
    }
    expect(path.filter(isFinal).length).toBeLessThanOrEqual(1);
  }
  for (const lane of new Set(open.map((command) => command.lane))) {
    const commands = open.filter((command) => command.lane === lane);
    commands.sort((a, b) => (a.member < b.member ? -1 : 1));
    expect([commands, commands.slice(1).filter(({ state }) => state !== 'pending')]).toEqual([commands, []]);
    const [fleet, device, name] = lane.split('/') as [string, string, string];
    const isStopped = (await redis.hexists(deviceKey(shard, fleet, device), `stopped:${name}`)) === 1;
    expect([isStopped, isStopped ? commands[0]!.state : 'pending']).toEqual([isStopped, 'pending']);
    for (const [i, command] of commands.entries()) {
      const attention = dueAt.get(command.id)!;
      if (command.state === 'acknowledged') {
        expect(attention).toBeLessThanOrEqual(Math.max(now, command.since) + command.timeoutMs);
      } else {
        const later = command.onFailure === 'skip' || (i === 0 && !isStopped) ? 0 : LATER_MS;
        expect(attention).toBeLessThanOrEqual(Math.max(now, command.expiresAt) + later);
        // A command that waits for its device can wait until it expires.
        if (i === 0 && !isStopped && command.state !== 'pending')
          expect(attention).toBeLessThanOrEqual(Math.max(now, command.since) + MAX_WAIT_MS);
      }
    }
  }
  await expectDeviceCounts(redis, shard, kept, open);
  await expectBalancedLedger(redis, shard, kept, open);
}

/** Checks the counts of a device HASH: open commands are never counted too low, in total and in each lane, and kept ones exactly. */
async function expectDeviceCounts(
  redis: Redis,
  shard: number,
  kept: readonly StoredCommand[],
  open: readonly StoredCommand[],
): Promise<void> {
  for (const name of new Set(kept.map(({ lane }) => lane.replace(/\/[^/]+$/, '')))) {
    const [fleet, device] = name.split('/') as [string, string];
    const fields = await redis.hgetall(deviceKey(shard, fleet, device));
    const of = (commands: readonly StoredCommand[]) =>
      commands.filter(({ lane }) => lane.startsWith(`${name}/`));
    if (fields.kept !== undefined) expect([name, Number(fields.kept)]).toEqual([name, of(kept).length]);
    if (fields.open !== undefined) expect(Number(fields.open)).toBeGreaterThanOrEqual(of(open).length);
    for (const [field, value] of Object.entries(fields)) {
      const [, lane] = /^open:(.+)$/.exec(field) ?? [];
      const [seq, counted] = value.split(',');
      if (lane === undefined || seq !== fields[`lane:${lane}`]) continue;
      const inLane = open.filter((command) => command.lane === `${name}/${lane}`).length;
      expect([name, lane, Number(counted) >= inLane]).toEqual([name, lane, true]);
    }
  }
}

/** Checks that each issued command is open or has ended, in the ledger and in each rollout, and that all stored ones are counted. */
async function expectBalancedLedger(
  redis: Redis,
  shard: number,
  kept: readonly StoredCommand[],
  open: readonly StoredCommand[],
): Promise<void> {
  const count = (commands: readonly StoredCommand[], matches: (command: StoredCommand) => boolean) =>
    commands.filter(matches).length;
  for (const fleet of new Set(kept.map((command) => command.fleet))) {
    const ledger = await redis.hgetall(ledgerKey(shard, fleet));
    const sum = (names: readonly string[]) =>
      names.reduce((total, name) => total + Number(ledger[name] ?? 0), 0);
    const issued = sum(['issued:api', 'issued:rule', 'issued:rollout']);
    expect([fleet, issued - sum(FINAL_STATES)]).toEqual([
      fleet,
      count(open, (command) => command.fleet === fleet),
    ]);
    const own = kept.filter((command) => command.fleet === fleet);
    for (const state of FINAL_STATES)
      expect(sum([state])).toBeGreaterThanOrEqual(count(own, (command) => command.state === state));
    for (const source of ['api', 'rule', 'rollout'])
      expect(sum([`issued:${source}`])).toBeGreaterThanOrEqual(
        count(own, (command) => command.source === source),
      );
  }
  const counts = await redis.hgetall(rolloutsKey(shard));
  for (const rollout of new Set(kept.map((command) => command.rollout))) {
    if (rollout === '-') continue;
    const of = (name: string) => Number(counts[`${rollout}:${name}`] ?? 0);
    const ended = FINAL_STATES.reduce((total, state) => total + of(state), 0);
    expect([rollout, of('enqueued') - ended]).toEqual([
      rollout,
      count(open, (command) => command.rollout === rollout),
    ]);
  }
}

const HEADER =
  /^(\S+) (\d{16}) (\d+) (?:latest|ordered|now) (skip|stop|abort-rest) (\d+) \d+ (\S+)\n\{"source":"(\w+)"/;

function parse(id: string, value: string, transitions: string | undefined): StoredCommand {
  const [, lane, seq, expiresAt, onFailure, timeoutMs, rollout, source] = HEADER.exec(value) ?? [];
  const path = (transitions ?? '').split(';').map((step) => step.split(',')[0] as CommandState);
  const state = path.at(-1)!;
  const since = Number(/,(\d+),\d+,[^;]*$/.exec(transitions ?? '')?.[1]);
  expect([...OPEN_STATES, ...COMMAND_STATES]).toContain(state);
  return {
    id,
    lane: lane!,
    member: `${lane}/${seq}/${id}`,
    fleet: lane!.split('/')[0]!,
    source: source!,
    rollout: rollout!,
    expiresAt: Number(expiresAt),
    timeoutMs: Number(timeoutMs),
    onFailure: onFailure!,
    state,
    path,
    since,
  };
}

const sorted = (texts: Iterable<string>): string[] => [...texts].sort();
