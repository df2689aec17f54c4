import type { Redis } from 'ioredis';
import { commandKeys } from '../keys.js';
import { callFunctions } from '../redis/functions.js';
import { ALL_SHARDS } from '../redis/pipelined.js';

/** Open commands of all fleets. */
export interface OpenCommands {
  /** Due for more than five seconds. */
  readonly due: number;
  /** Not due: they wait for an acknowledgement, their device, their lane, or their expiry. */
  readonly waiting: number;
  /** Age of the oldest one, milliseconds; 0 if there is none. */
  readonly oldestAgeMs: number;
}

/** Commands that have been due for longer than this count as due, milliseconds: under load some always become due at the moment. */
const DUE_FOR_MS = 5000;
/** Open commands of one shard per call, and shards per round trip: a few milliseconds of Redis. */
const PAGE = 200;
const SHARDS_PER_TRIP = 8;

/**
 * Counts open commands, and finds the oldest one. Each read covers one page of each shard and continues there the next time, so its cost
 * is constant. The counts are always exact. The oldest age is exact for up to about 12,000 open commands; with more it is that of a
 * younger command until enough reads have covered all of them.
 */
export class OpenCommandCounter {
  private readonly places = ALL_SHARDS.map((shard) => ({ shard, after: '', oldest: '' }));

  async read(redis: Redis): Promise<OpenCommands> {
    const sums = { due: 0, waiting: 0, oldestAgeMs: 0 };
    for (let first = 0; first < this.places.length; first += SHARDS_PER_TRIP) {
      const places = this.places.slice(first, first + SHARDS_PER_TRIP);
      const replies = (await callFunctions(
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
