import type { Redis } from 'ioredis';
import { shardOfCommand } from '../commands/command-id.js';
import { readBody } from '../commands/read-commands.js';
import { commandKeys, EVENTS_KEY } from '../keys.js';
import { pipelined } from '../redis/pipelined.js';

/**
 * What happened lately, for live views: a bounded stream, not the record of truth (that is the command's own history).
 * Commands, their effects, presence, changes of rules and removals of single devices are complete. A rollout is reported at its start
 * and end, and at most once a second in between; the removal of a fleet likewise, without its devices. Telemetry is a sample, so that a
 * fast fleet does not drown its watchers.
 */
export const EVENT_TYPES = [
  'telemetry',
  'command',
  'effect',
  'presence',
  'rollout',
  'rule',
  'removal',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export interface LiveEvent {
  readonly type: EventType;
  readonly fleet: string;
  /** Absent for a rollout, a rule and the removal of a fleet. */
  readonly device?: string;
  /** Further facts of the event, JSON-able. */
  readonly [fact: string]: unknown;
}

/** An event and its place in the stream (`<ms>-<n>`), from which a reader may resume. */
export interface StoredEvent {
  readonly id: string;
  readonly event: LiveEvent;
}

const MAX_EVENTS = 10_000;

/** Appends events. Those of commands get the action of the command, unless they have it or the command is gone. */
export async function appendEvents(redis: Redis, appended: readonly LiveEvent[]): Promise<void> {
  if (appended.length === 0) return;
  const events = await withActions(redis, appended);
  const pipeline = redis.pipeline();
  for (const event of events)
    pipeline.xadd(EVENTS_KEY, 'MAXLEN', '~', MAX_EVENTS, '*', 'event', JSON.stringify(event));
  for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
}

async function withActions(redis: Redis, events: readonly LiveEvent[]): Promise<readonly LiveEvent[]> {
  const lacking = events.filter(({ type, action }) => type === 'command' && action === undefined);
  if (lacking.length === 0) return events;
  const ids = lacking.map(({ command }) => String(command));
  const values = (await pipelined(redis, ids, (pipeline, id) =>
    pipeline.hget(commandKeys(shardOfCommand(id) ?? 0)[0]!, id),
  )) as (string | null)[];
  const actions = new Map(
    ids.flatMap((id, i) => {
      const value = values[i];
      return value ? [[id, readBody(id, value).action] as const] : [];
    }),
  );
  return events.map((event) => {
    const action = event.type === 'command' && actions.get(String(event.command));
    return action ? { ...event, action } : event;
  });
}

/** Id after the newest event: a reader that starts there sees only what comes. */
export async function lastEventId(redis: Redis): Promise<string> {
  const [newest] = await redis.xrevrange(EVENTS_KEY, '+', '-', 'COUNT', 1);
  return newest?.[0] ?? '0-0';
}

/**
 * Waits up to `blockMs` for events after `after`; needs a connection of its own. An empty list means none came.
 */
export async function readEvents(redis: Redis, after: string, blockMs: number): Promise<StoredEvent[]> {
  const reply = await redis.xread('COUNT', 500, 'BLOCK', blockMs, 'STREAMS', EVENTS_KEY, after);
  return decode(reply?.[0]?.[1]);
}

/** Reads events after `after` at once, oldest first. */
export async function eventsAfter(redis: Redis, after: string, limit: number): Promise<StoredEvent[]> {
  return decode(await redis.xrange(EVENTS_KEY, `(${after}`, '+', 'COUNT', limit));
}

function decode(entries: [string, string[]][] | undefined): StoredEvent[] {
  return (entries ?? []).map(([id, [, json]]) => ({ id, event: JSON.parse(json!) as LiveEvent }));
}
