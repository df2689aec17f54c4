import type { Redis } from 'ioredis';
import { shardOfCommand } from '../commands/command-id.js';
import { readBody } from '../commands/read-commands.js';
import { commandKeys, EVENTS_KEY } from '../keys.js';
import { pipelined } from '../redis/pipelined.js';

/**
 * Recent events for live views: a bounded stream, not the source of truth (a command's transitions are).
 * Events of commands, effects, presence, rule changes and removals of single devices are complete. A rollout is reported at its start
 * and end, and at most once a second in between; the removal of a fleet likewise, without its devices. Telemetry is sampled, so that a
 * fast fleet does not flood its viewers.
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
  /** Further facts of the event; they must be serializable as JSON. */
  readonly [fact: string]: unknown;
}

/** An event and its id in the stream (`<ms>-<n>`), from which a reader can resume. */
export interface StoredEvent {
  readonly id: string;
  readonly event: LiveEvent;
}

const MAX_EVENTS = 10_000;

/** Appends events. Command events without an action get that of their command, unless it has been pruned. */
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

/** Id of the newest event: a reader that starts there receives only later ones. */
export async function lastEventId(redis: Redis): Promise<string> {
  const [newest] = await redis.xrevrange(EVENTS_KEY, '+', '-', 'COUNT', 1);
  return newest?.[0] ?? '0-0';
}

/** Waits up to `blockMs` for events after `after`, on a connection without other calls. The list is empty if none arrived. */
export async function readEvents(redis: Redis, after: string, blockMs: number): Promise<StoredEvent[]> {
  const reply = await redis.xread('COUNT', 500, 'BLOCK', blockMs, 'STREAMS', EVENTS_KEY, after);
  return decode(reply?.[0]?.[1]);
}

/** Reads events after `after` without waiting, oldest first. */
export async function eventsAfter(redis: Redis, after: string, limit: number): Promise<StoredEvent[]> {
  return decode(await redis.xrange(EVENTS_KEY, `(${after}`, '+', 'COUNT', limit));
}

function decode(entries: [string, string[]][] | undefined): StoredEvent[] {
  return (entries ?? []).map(([id, [, json]]) => ({ id, event: JSON.parse(json!) as LiveEvent }));
}
