import type { Redis } from 'ioredis';
import { commandKeys } from '../keys.js';
import { ALL_SHARDS } from '../redis/pipelined.js';
import { runScripts } from '../redis/script.js';

/** The commands of all fleets that have not ended. */
export interface OpenCommands {
  /** Those that should have gone out, or ended, five seconds ago. */
  readonly due: number;
  /** Those whose time will come: they wait for an answer, their device, their turn, or their expiry. */
  readonly waiting: number;
  /** Age of the oldest one, milliseconds; 0 if there is none. */
  readonly oldestAgeMs: number;
}

/** Under load some commands always become due just now, and are gone at once; those that are left after this time, milliseconds, are late. */
const DUE_FOR_MS = 5000;
/** Open commands of one shard that are looked at in one call, and shards in one round trip: milliseconds of Redis. */
const PAGE = 200;
const SHARDS_PER_TRIP = 8;

/**
 * Counts open commands, and knows the oldest one. Each read looks at no more than a page of each shard and goes on there the next
 * time, so it costs the same whatever waits: the counts are exact, and the oldest one is up to some 12,000 open commands. Where
 * more are open it takes as many reads as there are times 12,000 to find it (and a new one after it has ended); until then
 * the age is that of a younger one.
 */
export class OpenCommandCounter {
  private readonly places = ALL_SHARDS.map((shard) => ({ shard, after: '', oldest: '' }));

  async read(redis: Redis): Promise<OpenCommands> {
    const sums = { due: 0, waiting: 0, oldestAgeMs: 0 };
    for (let first = 0; first < this.places.length; first += SHARDS_PER_TRIP) {
      const places = this.places.slice(first, first + SHARDS_PER_TRIP);
      const replies = (await runScripts(
        redis,
        'countOpenCommands-3',
        places.map(({ shard, after, oldest }) => {
          const [, transitions, , queue, , due] = commandKeys(shard);
          return { keys: [transitions!, queue!, due!], args: [after, PAGE, oldest, DUE_FOR_MS] };
        }),
      )) as [open: number, due: number, last: string, oldest: string, ageMs: string][];
      for (const [i, [open, due, last, oldest, ageMs]] of replies.entries()) {
        Object.assign(places[i]!, { after: last, oldest });
        sums.due += due;
        sums.waiting += open - due;
        sums.oldestAgeMs = Math.max(sums.oldestAgeMs, Number(ageMs));
      }
    }
    return sums;
  }
}
