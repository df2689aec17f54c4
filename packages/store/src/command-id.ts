import { monotonicFactory } from 'ulid';
import { SHARDS } from './keys.js';

const ulid = monotonicFactory();
const COMMAND_ID = /^[0-9A-HJKMNP-TV-Z]{26}-(\d{1,2})$/;

/** A new command id: a ULID (sortable by time) and the shard, so that the id alone finds the command. */
export function newCommandId(shard: number): string {
  return `${ulid()}-${shard}`;
}

/** The shard of a command id; undefined if it is none of ours. */
export function shardOfCommand(id: string): number | undefined {
  const shard = Number(COMMAND_ID.exec(id)?.[1] ?? Number.NaN);
  return shard < SHARDS ? shard : undefined;
}
