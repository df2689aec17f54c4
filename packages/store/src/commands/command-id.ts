import { randomFillSync } from 'node:crypto';
import { monotonicFactory } from 'ulid';
import { SHARDS } from '../keys.js';

// The library needs 16 random numbers per id, each a call into OpenSSL; the pool makes one call per 4096.
const pool = new Uint16Array(4096);
let used = pool.length;
const ulid = monotonicFactory(() => {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  return pool[used++]! / 0x1_0000;
});
const COMMAND_ID = /^[0-9A-HJKMNP-TV-Z]{26}-(\d{1,2})$/;

/** A new command id: a ULID (sortable by time) and the shard, so the id suffices to find the command. */
export function newCommandId(shard: number): string {
  return `${ulid()}-${shard}`;
}

/** The shard of a command id; undefined if it is not a command id. */
export function shardOfCommand(id: string): number | undefined {
  const shard = Number(COMMAND_ID.exec(id)?.[1] ?? Number.NaN);
  return shard < SHARDS ? shard : undefined;
}
