import { type Backoff, backoffMs } from '@lamplighter/contracts/backoff';
import type { GroupName } from '@lamplighter/store/rules/groups';

/** Whether a vote came, or the group's timer is due. */
export type Trigger = 'reading' | 'timer';
export interface MarkedGroup extends GroupName {
  readonly trigger: Trigger;
}

/** A group is decided at most this often, milliseconds. */
const ROUND_MS = 100;
/** After a round nothing is decided for so many times as long as it took: quorums get a share of this process, not all of it. */
const REST = 3;
/** Groups that are decided in one go; each may have a thousand votes. */
const AT_ONCE = 20;
/** The pause after a failure of Redis. */
const RETRY: Backoff = { firstMs: 200, maxMs: 5000 };

export interface RoundsObserver {
  /** @throws if Redis is unavailable: the work is retried */
  decide(groups: readonly MarkedGroup[]): Promise<void>;
  /** @param failures in a row, this one included */
  failed(error: Error, failures: number): void;
}

/**
 * Which groups are to be decided, and when. The first mark after a rest begins a round at once; what is marked during a round or its rest
 * is in the next one.
 */
export class Rounds {
  /** By fleet; no more than there are quorum rules. */
  private marked = new Map<string, Map<string, Trigger>>();
  private timer: NodeJS.Timeout | undefined;
  private working: Promise<void> | undefined;
  private stopped = false;
  private failures = 0;
  private restsUntil = 0;

  constructor(private readonly observer: RoundsObserver) {}

  mark(fleet: string, rule: string, trigger: Trigger): void {
    let rules = this.marked.get(fleet);
    if (rules === undefined) {
      rules = new Map();
      this.marked.set(fleet, rules);
    }
    // What a timer asks for is more: it also wants its successor.
    if (trigger === 'timer' || !rules.has(rule)) rules.set(rule, trigger);
    this.schedule();
  }

  /** Begins no more; settles when the present round is over. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.working;
  }

  private schedule(): void {
    if (this.timer !== undefined || this.working !== undefined || this.stopped) return;
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        const began = performance.now();
        this.working = this.round().then((pauseMs) => {
          this.working = undefined;
          const now = performance.now();
          this.restsUntil = now + (pauseMs ?? Math.max(ROUND_MS - (now - began), REST * (now - began)));
          if (this.marked.size > 0) this.schedule();
        });
      },
      Math.max(0, this.restsUntil - performance.now()),
    );
  }

  /** Decides what is marked; returns how long to pause if Redis is unavailable. */
  private async round(): Promise<number | undefined> {
    const groups = [...this.marked].flatMap(([fleet, rules]) =>
      [...rules].map(([rule, trigger]) => ({ fleet, rule, trigger })),
    );
    this.marked = new Map();
    for (let first = 0; first < groups.length; first += AT_ONCE) {
      try {
        await this.observer.decide(groups.slice(first, first + AT_ONCE));
        this.failures = 0;
      } catch (error) {
        this.failures += 1;
        this.observer.failed(error as Error, this.failures);
        for (const { fleet, rule, trigger } of groups.slice(first)) this.mark(fleet, rule, trigger);
        return backoffMs(this.failures, RETRY);
      }
    }
    return undefined;
  }
}
