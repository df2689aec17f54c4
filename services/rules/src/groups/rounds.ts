import { type Backoff, backoffMs } from '@lamplighter/contracts/backoff';
import type { GroupName } from '@lamplighter/store/rules/groups';

/** Whether a vote arrived or the group's timer is due. */
export type Trigger = 'reading' | 'timer';
export interface MarkedGroup extends GroupName {
  readonly trigger: Trigger;
}

/** Shortest time between the starts of two rounds, milliseconds. */
const ROUND_MS = 100;
/** The pause after a round is at least this many times its duration, which limits the share of this process that quorums use. */
const PAUSE_FACTOR = 3;
/** Groups per call; each may have a thousand votes. */
const GROUPS_PER_CALL = 20;
/** The pause after a failure of Redis. */
const RETRY: Backoff = { firstMs: 200, maxMs: 5000 };

export interface RoundHandler {
  /** @throws if Redis is unavailable: the work is retried */
  decide(groups: readonly MarkedGroup[]): Promise<void>;
  /** @param failures in a row, this one included */
  failed(error: Error, failures: number): void;
}

/**
 * Schedules the decisions of marked groups. The first mark after a pause starts a round immediately; groups marked during a round or its
 * pause are decided in the next one.
 */
export class Rounds {
  /** By fleet; no more than there are quorum rules. */
  private marked = new Map<string, Map<string, Trigger>>();
  private timer: NodeJS.Timeout | undefined;
  private working: Promise<void> | undefined;
  private stopped = false;
  private failures = 0;
  private pausedUntil = 0;

  constructor(private readonly handler: RoundHandler) {}

  mark(fleet: string, rule: string, trigger: Trigger): void {
    let rules = this.marked.get(fleet);
    if (rules === undefined) {
      rules = new Map();
      this.marked.set(fleet, rules);
    }
    // A timer takes precedence, because its evaluation also sets the next timer.
    if (trigger === 'timer' || !rules.has(rule)) rules.set(rule, trigger);
    this.schedule();
  }

  /** Starts no more rounds; settles when the current one has ended. */
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
        const startedAt = performance.now();
        this.working = this.round().then((pauseMs) => {
          this.working = undefined;
          const now = performance.now();
          this.pausedUntil =
            now + (pauseMs ?? Math.max(ROUND_MS - (now - startedAt), PAUSE_FACTOR * (now - startedAt)));
          if (this.marked.size > 0) this.schedule();
        });
      },
      Math.max(0, this.pausedUntil - performance.now()),
    );
  }

  /** Decides the marked groups; returns the pause if Redis is unavailable. */
  private async round(): Promise<number | undefined> {
    const groups = [...this.marked].flatMap(([fleet, rules]) =>
      [...rules].map(([rule, trigger]) => ({ fleet, rule, trigger })),
    );
    this.marked = new Map();
    for (let first = 0; first < groups.length; first += GROUPS_PER_CALL) {
      try {
        await this.handler.decide(groups.slice(first, first + GROUPS_PER_CALL));
        this.failures = 0;
      } catch (error) {
        this.failures += 1;
        this.handler.failed(error as Error, this.failures);
        for (const { fleet, rule, trigger } of groups.slice(first)) this.mark(fleet, rule, trigger);
        return backoffMs(this.failures, RETRY);
      }
    }
    return undefined;
  }
}
