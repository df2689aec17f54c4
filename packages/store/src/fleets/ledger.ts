import { FINAL_STATES } from '@lamplighter/contracts/commands/command';
import { REJECT_REASONS, type Reading, type RejectReason } from '@lamplighter/contracts/telemetry/reading';
import type { Redis } from 'ioredis';
import type { DeviceAddress } from '../devices/device-address.js';
import { type Session, sessionOf } from '../devices/session.js';
import { commandKeys, deviceKey, devicesKey, ledgerKey, windowKey } from '../keys.js';
import { callFunctions } from '../redis/functions.js';
import { ALL_SHARDS, pipelined } from '../redis/pipelined.js';

/**
 * The ledger of a fleet's readings: how many its devices have taken (those that send `_n`), and the outcomes of those readings.
 * `unexplained` is the difference, summed over the devices: in flight, or lost.
 */
export interface ReadingsLedger {
  /** Readings taken by the devices that count them, from the first one that the store received. */
  declared: number;
  declaringDevices: number;
  /** Of `declared`: dropped by the devices themselves. */
  droppedByDevices: number;
  /** Readings that became the last state. */
  stored: number;
  /** Readings that arrived after a newer one. */
  late: number;
  /** Received again; not part of `declared`. */
  duplicate: number;
  /** Older than every reading of a full window. */
  stale: number;
  /** By reason; covers all messages on the fleet's telemetry topics. */
  rejected: Partial<Record<RejectReason, number>>;
  unexplained: number;
}

/** The ledger of a fleet's commands: issued against final states and open commands. */
export interface CommandsLedger {
  issued: Record<'rule' | 'api' | 'rollout', number>;
  open: number;
  ended: Record<(typeof FINAL_STATES)[number], number>;
  /** Neither open nor ended; anything but 0 is a bug. */
  unexplained: number;
}

export interface Ledger {
  readonly readings: ReadingsLedger;
  readonly commands: CommandsLedger;
}

/** The rejected readings of one device. `own` counts those with a readable sequence. */
export interface RejectedCounts {
  readonly address: Pick<DeviceAddress, 'shard' | 'fleet' | 'device'>;
  readonly own: number;
  readonly reasons: ReadonlyMap<RejectReason, number>;
}

/**
 * Counts rejected readings, one function per device. Repeating it after a failure counts twice.
 * @returns the session of each device; undefined if it never published a birth
 */
export async function countRejected(
  redis: Redis,
  rejected: readonly RejectedCounts[],
): Promise<(Session | undefined)[]> {
  const sessions = await callFunctions(
    redis,
    'countRejected-3',
    rejected.map(({ address: { shard, fleet, device }, own, reasons }) => ({
      keys: [deviceKey(shard, fleet, device), ledgerKey(shard, fleet), devicesKey(shard, fleet)],
      args: [device, own, ...[...reasons].flat()],
    })),
  );
  return sessions.map((session) => sessionOf(String(session)));
}

/** Devices of one shard per call. */
const PAGE = 500;
const DEVICE_COUNTS = [
  'late',
  'duplicate',
  'stale',
  'rejected',
  'taken',
  'dropped',
  'from',
  'again',
] as const;

/** Reads the ledger of a fleet. It reads all devices, page by page, at a few microseconds of Redis time each. */
export async function readLedger(redis: Redis, fleet: string): Promise<Ledger> {
  const readings: ReadingsLedger = {
    declared: 0,
    declaringDevices: 0,
    droppedByDevices: 0,
    stored: 0,
    late: 0,
    duplicate: 0,
    stale: 0,
    rejected: {},
    unexplained: 0,
  };
  const again = { unexplained: 0 };
  for (const shard of ALL_SHARDS) await addShard(redis, fleet, shard, readings, again);
  const { open, counts } = await readFleetCounts(redis, fleet);
  addRemoved(readings, counts, again.unexplained);
  for (const reason of REJECT_REASONS) {
    const count = counts.get(`rejected:${reason}`);
    if (count !== undefined) readings.rejected[reason] = count;
  }
  return { readings, commands: commandsLedger(open, counts) };
}

/** Unexplained readings of devices that report again after their removal; negative if they account for earlier ones. */
interface Returned {
  unexplained: number;
}

/** Whether the fleet has a ledger; it outlives the fleet. */
export async function hasLedger(redis: Redis, fleet: string): Promise<boolean> {
  const found = await pipelined(redis, ALL_SHARDS, (pipeline, shard) =>
    pipeline.exists(ledgerKey(shard, fleet)),
  );
  return found.includes(1);
}

async function addShard(
  redis: Redis,
  fleet: string,
  shard: number,
  sum: ReadingsLedger,
  again: Returned,
): Promise<void> {
  for (let after = '-'; ; ) {
    const names = await redis.zrangebylex(devicesKey(shard, fleet), after, '+', 'LIMIT', 0, PAGE);
    const [entries, counts] = (await Promise.all([
      pipelined(redis, names, (pipeline, name) => pipeline.lindex(windowKey(shard, fleet, name), -1)),
      pipelined(redis, names, (pipeline, name) =>
        pipeline.hmget(deviceKey(shard, fleet, name), ...DEVICE_COUNTS),
      ),
    ])) as [(string | null)[], (string | null)[][]];
    for (let i = 0; i < names.length; i += 1) addDevice(sum, again, entries[i] ?? '', counts[i]!);
    if (names.length < PAGE) return;
    after = `(${names.at(-1)}`;
  }
}

function addDevice(sum: ReadingsLedger, again: Returned, entry: string, counts: (string | null)[]): void {
  const [late, duplicate, stale, rejected, taken, dropped, from] = counts.map((count) => Number(count ?? 0));
  // `received,late,count,n,…,json`; it has no count if the device has only sent history.
  const [, , count, n] = entry.split(',', 4);
  const stored = Number(count ?? 0);
  sum.stored += stored;
  sum.late += late!;
  sum.duplicate += duplicate!;
  sum.stale += stale!;
  if (!n && !counts[4]) return;
  const declared = taken! + (n ? Math.max(0, Number(n) - Math.max(from!, 1) + 1) : 0);
  const droppedByDevice = dropped! + (n ? droppedIn(entry) : 0);
  sum.declared += declared;
  sum.droppedByDevices += droppedByDevice;
  const unexplained = declared - droppedByDevice - stored - late! - stale! - rejected!;
  if (counts[7]) {
    again.unexplained += unexplained; // the device is already counted as declaring
    return;
  }
  sum.declaringDevices += 1;
  sum.unexplained += Math.max(0, unexplained);
}

/** Adds the counts of the fleet's removed devices. Readings in flight at the removal are counted with the new device. */
function addRemoved(sum: ReadingsLedger, counts: ReadonlyMap<string, number>, again: number): void {
  const removed = (field: string) => counts.get(`removed:${field}`) ?? 0;
  sum.declared += removed('declared');
  sum.declaringDevices += removed('devices');
  sum.droppedByDevices += removed('dropped');
  sum.stored += removed('stored');
  sum.late += removed('late');
  sum.duplicate += removed('duplicate');
  sum.stale += removed('stale');
  sum.unexplained += Math.max(0, removed('unexplained') + again);
}

/** How many readings the device has dropped, according to this entry. */
function droppedIn(entry: string): number {
  const { _dropped = 0 } = JSON.parse(entry.slice(entry.indexOf('{'))) as Reading;
  return _dropped;
}

/** The counts of the fleet, summed over the shards; each shard is a consistent snapshot. */
async function readFleetCounts(
  redis: Redis,
  fleet: string,
): Promise<{ open: number; counts: Map<string, number> }> {
  const shards = (await callFunctions(
    redis,
    'readLedger-2',
    ALL_SHARDS.map((shard) => ({ keys: [ledgerKey(shard, fleet), commandKeys(shard)[3]!], args: [fleet] })),
  )) as [number, ...string[]][];
  let open = 0;
  const counts = new Map<string, number>();
  for (const [openHere, ...fields] of shards) {
    open += openHere;
    for (let i = 0; i < fields.length; i += 2) {
      counts.set(fields[i]!, (counts.get(fields[i]!) ?? 0) + Number(fields[i + 1]));
    }
  }
  return { open, counts };
}

function commandsLedger(open: number, counts: ReadonlyMap<string, number>): CommandsLedger {
  const count = (field: string) => counts.get(field) ?? 0;
  const issued = { rule: count('issued:rule'), api: count('issued:api'), rollout: count('issued:rollout') };
  const ended = Object.fromEntries(
    FINAL_STATES.map((state) => [state, count(state)]),
  ) as CommandsLedger['ended'];
  return { issued, open, ended, unexplained: total(issued) - open - total(ended) };
}

function total(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
