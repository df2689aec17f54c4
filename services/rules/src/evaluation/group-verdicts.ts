import type { GroupState } from '@lamplighter/evaluation/quorum/quorum-group';
import type { Redis } from '@lamplighter/store/redis/connect';
import { type GroupName, readGroupStates } from '@lamplighter/store/rules/groups';
import { Inject, Injectable } from '@nestjs/common';
import { REDIS } from '../tokens.js';

/** Groups that are kept. */
const MAX_KEPT = 10_000;
/** Another replica may have decided meanwhile: it is read again after so long, milliseconds. */
const KEPT_MS = 10_000;
/** Before a target is told again it is read once more if it is older than this, milliseconds. */
const CERTAIN_MS = 100;

interface Kept {
  readonly state: GroupState | undefined;
  /** Monotonic time, milliseconds. */
  readonly at: number;
}

/**
 * What was last decided of the groups whose targets report here. It may be a moment old: then a target is told what does not stand
 * any more, and, since it does that, told again what does when its time has come.
 */
@Injectable()
export class GroupVerdicts {
  private readonly kept = new Map<string, Kept>();

  constructor(@Inject(REDIS) private readonly redis: Redis) {}

  /** What is believed of a group; undefined if nothing was decided, or it is not known here. */
  of({ fleet, rule }: GroupName): GroupState | undefined {
    return this.kept.get(`${fleet}/${rule}`)?.state;
  }

  /**
   * Whether it has to be read.
   * @param wouldReassert whether a target would be told again by what is believed; asked only if that may be too old for it
   */
  needsRead({ fleet, rule }: GroupName, wouldReassert: (state: GroupState) => boolean): boolean {
    const kept = this.kept.get(`${fleet}/${rule}`);
    const age = kept === undefined ? KEPT_MS : performance.now() - kept.at;
    if (kept === undefined || age >= KEPT_MS) return true;
    return age > CERTAIN_MS && kept.state !== undefined && wouldReassert(kept.state);
  }

  /** Takes note of a decision, or that there was none. */
  set({ fleet, rule }: GroupName, state: GroupState | undefined): void {
    if (this.kept.size >= MAX_KEPT) this.kept.clear();
    this.kept.set(`${fleet}/${rule}`, { state, at: performance.now() });
  }

  /** Reads what was decided of these groups. */
  async read(names: readonly GroupName[]): Promise<void> {
    const states = await readGroupStates(this.redis, names);
    for (const [i, name] of names.entries()) this.set(name, parseGroupState(states[i]!));
  }
}

/** A state as the store has it; one that cannot be parsed counts as none. */
export function parseGroupState(text: string): GroupState | undefined {
  try {
    return text === '' ? undefined : (JSON.parse(text) as GroupState);
    // eslint-disable-next-line no-restricted-syntax -- unreadable JSON counts as no state
  } catch {
    return undefined;
  }
}
