import { type GroupState, parseGroupState } from '@lamplighter/evaluation/quorum/quorum-group';
import type { Redis } from '@lamplighter/store/redis/connect';
import { type GroupName, readGroupStates } from '@lamplighter/store/rules/groups';
import { Inject, Injectable } from '@nestjs/common';
import { REDIS } from '../tokens.js';

const MAX_CACHED = 10_000;
/** A cached state is read again after this, since another replica may have decided. Milliseconds. */
const MAX_AGE_MS = 10_000;
/** Before a target gets its command again, a cached state older than this is read again. Milliseconds. */
const FRESH_MS = 100;

interface CachedState {
  readonly state: GroupState | undefined;
  /** Monotonic time, milliseconds. */
  readonly at: number;
}

/**
 * Cached states of the groups whose targets report to this replica. A state may be briefly out of date: a target is then re-asserted an
 * outdated command, reports it, and is re-asserted the current one after the usual spacing.
 */
@Injectable()
export class GroupStates {
  private readonly cache = new Map<string, CachedState>();

  constructor(@Inject(REDIS) private readonly redis: Redis) {}

  /** The cached state of a group; undefined if it is not cached or nothing was decided. */
  of({ fleet, rule }: GroupName): GroupState | undefined {
    return this.cache.get(`${fleet}/${rule}`)?.state;
  }

  /**
   * Whether the state has to be read.
   * @param wouldReassert whether the cached state re-asserts a command; called only if that state is not fresh
   */
  needsRead({ fleet, rule }: GroupName, wouldReassert: (state: GroupState) => boolean): boolean {
    const cached = this.cache.get(`${fleet}/${rule}`);
    if (cached === undefined) return true;
    const ageMs = performance.now() - cached.at;
    if (ageMs >= MAX_AGE_MS) return true;
    return ageMs > FRESH_MS && cached.state !== undefined && wouldReassert(cached.state);
  }

  /** Caches a state; undefined if nothing was decided. */
  set({ fleet, rule }: GroupName, state: GroupState | undefined): void {
    if (this.cache.size >= MAX_CACHED) this.cache.clear();
    this.cache.set(`${fleet}/${rule}`, { state, at: performance.now() });
  }

  /** Reads and caches the states of these groups. */
  async read(names: readonly GroupName[]): Promise<void> {
    const states = await readGroupStates(this.redis, names);
    for (const [i, name] of names.entries()) this.set(name, parseGroupState(states[i]!));
  }
}
