import type { OPEN_STATES } from '@lamplighter/contracts/commands/command';
import type { Redis } from 'ioredis';
import { shardOfCommand } from '../commands/command-id.js';
import { type Command, type CommandSource, readCommands } from '../commands/read-commands.js';
import { commandKeys, shardOf } from '../keys.js';
import { ALL_SHARDS, pipelined } from '../redis/pipelined.js';

/** Which open commands to list: those that match all given fields. */
export interface OpenCommandFilter {
  readonly fleet?: string | undefined;
  readonly device?: string | undefined;
  readonly state?: (typeof OPEN_STATES)[number] | undefined;
  readonly source?: CommandSource['source'] | undefined;
  readonly rule?: string | undefined;
  /** Only commands that were created before this time, milliseconds on the Redis clock. */
  readonly createdBefore?: number | undefined;
}

/** Maximum number of names of open commands that one page reads; a fleet with more must be listed device by device. */
export const MAX_NAMES_PER_PAGE = 50_000;
/** Names of one shard in one round trip, and commands that one page reads. */
const NAMES_PER_TRIP = 500;
const READ_AT_ONCE = 200;
const MAX_READ_PER_PAGE = 2000;

/**
 * Lists open commands, oldest first. The index is ordered by lane and not by age, so a page reads the names of all open commands of the
 * fleet, the device or all fleets, and the records of at most 2000 of them. With a filter a page can be short although more follow.
 * @param after only commands after this one (the cursor)
 * @returns undefined if there are more than `MAX_NAMES_PER_PAGE`
 */
export async function listOpenCommands(
  redis: Redis,
  filter: OpenCommandFilter,
  { limit, after = '' }: { limit: number; after?: string | undefined },
): Promise<{ commands: Command[]; next?: string } | undefined> {
  const names = await openNames(redis, filter);
  if (names === undefined) return undefined;
  // Ids begin with the time.
  const ids = names.filter((id) => id > after).sort();
  const commands: Command[] = [];
  for (let read = 0; read < ids.length && read < MAX_READ_PER_PAGE; read += READ_AT_ONCE) {
    const some = ids.slice(read, read + READ_AT_ONCE);
    const found = new Map((await readMany(redis, some)).map((command) => [command.id, command]));
    for (const [i, id] of some.entries()) {
      const command = found.get(id);
      if (command !== undefined && matches(command, filter)) commands.push(command);
      const isLast = read + i + 1 === ids.length;
      if (commands.length === limit) return isLast ? { commands } : { commands, next: id };
    }
  }
  return ids.length > MAX_READ_PER_PAGE ? { commands, next: ids[MAX_READ_PER_PAGE - 1]! } : { commands };
}

function matches(command: Command, { state, source, rule, createdBefore }: OpenCommandFilter): boolean {
  return (
    (state === undefined
      ? ['pending', 'dispatched', 'acknowledged'].includes(command.state)
      : command.state === state) &&
    (source === undefined || command.source === source) &&
    (rule === undefined || (command.source === 'rule' && command.rule === rule)) &&
    (createdBefore === undefined || command.createdAt < createdBefore)
  );
}

/** Ids of the open commands of a device, of a fleet or of all; undefined if there are too many. */
async function openNames(redis: Redis, { fleet, device }: OpenCommandFilter): Promise<string[] | undefined> {
  const isOneDevice = fleet !== undefined && device !== undefined;
  const prefix = fleet === undefined ? '' : isOneDevice ? `${fleet}/${device}` : fleet;
  const max = prefix === '' ? '+' : `(${prefix}0`; // "0" comes after "/"
  let places = (isOneDevice ? [shardOf(fleet, device)] : ALL_SHARDS).map((shard) => ({
    shard,
    min: prefix === '' ? '-' : `[${prefix}/`,
  }));
  const ids: string[] = [];
  for (let read = 0; places.length > 0; ) {
    const pages = (await pipelined(redis, places, (pipeline, { shard, min }) =>
      pipeline.zrangebylex(commandKeys(shard)[3]!, min, max, 'LIMIT', 0, NAMES_PER_TRIP),
    )) as string[][];
    for (const member of pages.flat()) {
      const [, ofDevice, , , id] = member.split('/');
      if (device === undefined || ofDevice === device) ids.push(id!);
    }
    read += pages.reduce((sum, page) => sum + page.length, 0);
    places = places.flatMap(({ shard }, i) =>
      pages[i]!.length < NAMES_PER_TRIP ? [] : [{ shard, min: `(${pages[i]!.at(-1)}` }],
    );
    if (read > MAX_NAMES_PER_PAGE) return undefined;
  }
  return ids;
}

async function readMany(redis: Redis, ids: readonly string[]): Promise<Command[]> {
  const byShard = new Map<number, string[]>();
  for (const id of ids) {
    const shard = shardOfCommand(id) ?? 0;
    const here = byShard.get(shard);
    if (here) here.push(id);
    else byShard.set(shard, [id]);
  }
  const commands = await Promise.all([...byShard].map(([shard, some]) => readCommands(redis, shard, some)));
  return commands.flat();
}
