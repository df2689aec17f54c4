import { endedOf, isFailing, type RolloutCounts } from '@lamplighter/contracts/rollouts/rollout';
import { SHARDS } from '@lamplighter/store/keys';
import type { Redis } from '@lamplighter/store/redis/connect';
import {
  enqueueRollout,
  type SweptCommand,
  sweepRollout,
  type Turn,
} from '@lamplighter/store/rollouts/rollout-commands';
import {
  closeRollout,
  endRollout,
  forgetRollout,
  type HeldRollout,
  nextDevices,
  type Position,
  ROLLOUT_LEASE_MS,
  ROLLOUT_PAUSE_MS,
  type RolloutPhase,
  saveRollout,
} from '@lamplighter/store/rollouts/rollout-lease';
import { countRollout } from '@lamplighter/store/rollouts/rollouts';
import { DeviceSelection } from './device-selection.js';

/** Is notified of the progress of a run. */
export interface RolloutObserver {
  turned(rollout: HeldRollout, turns: readonly Turn[]): void;
  swept(rollout: HeldRollout, commands: readonly SweptCommand[]): void;
  /** At most once a second while the rollout makes progress, and when it ends. */
  progressed(rollout: HeldRollout, state: HeldRollout['state'], counts: RolloutCounts): void;
}

/** Maximum number of devices that one step evaluates, so that a selective rollout does not block the others. */
const DEVICES_PER_STEP = 1000;
const DEVICES_PER_PAGE = 200;
/** Pages of open commands per step of a sweep. */
const PAGES_PER_STEP = 20;
/** The next check if nothing has changed, milliseconds; doubles each time. */
const WAIT_MS = 250;
/** The lease is renewed at least this often, milliseconds. */
const RENEW_MS = ROLLOUT_LEASE_MS / 3;
const REPORT_MS = 1000;

/**
 * Runs one rollout that this replica holds, step by step. A step may fail, or the process may end, at any point: all progress is in the
 * store, and repeating a step has no effect there.
 */
export class RolloutRun {
  private readonly selection: DeviceSelection;
  private position: Position;
  private phase: RolloutPhase;
  /** Turns that the rate allows now. */
  private allowance = 0;
  private steppedAt: number;
  private savedAt: number;
  private reportedAt: number;
  private reported = '';
  private waitMs = WAIT_MS;
  private pausedUntil = 0;
  private swept = { shard: 0, after: '' };

  /** @param now the monotonic clock, milliseconds */
  constructor(
    private readonly redis: Redis,
    readonly rollout: HeldRollout,
    private readonly observer: RolloutObserver,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.selection = new DeviceSelection(rollout.request.selector);
    this.position = { shard: rollout.shard, after: rollout.after };
    this.phase = rollout.phase;
    this.steppedAt = this.savedAt = this.reportedAt = now();
  }

  /** Runs one step. @returns false if the rollout has ended or another replica holds it */
  async step(): Promise<boolean> {
    if (this.now() < this.pausedUntil) return true;
    if (this.phase === 'sweep') return this.sweep();
    if (this.phase === 'enqueue' && !(await this.enqueue())) return false;
    return this.checkEnd();
  }

  /** Releases the lease, so that another replica need not wait for its expiry. */
  async release(): Promise<void> {
    await saveRollout(this.redis, this.rollout, this.position, 0);
  }

  private async enqueue(): Promise<boolean> {
    const now = this.now();
    const { rate } = this.rollout.request;
    // The allowance is at most one second's worth, so a slow step or a pause is not caught up.
    this.allowance = Math.min(this.allowance + (rate * (now - this.steppedAt)) / 1000, rate);
    this.steppedAt = now;
    const before = this.position;
    const { devices, next } = await this.nextDevices(Math.floor(this.allowance));
    const turns = await enqueueRollout(this.redis, this.rollout, devices);
    this.observer.turned(this.rollout, turns);
    if (turns.some(({ outcome }) => outcome === 'fenced')) return false;
    this.allowance -= turns.filter(({ outcome }) => outcome !== 'repeated').length;
    this.position = next;
    if (next.shard === SHARDS) this.phase = 'settle';
    const moved = next.shard !== before.shard || next.after !== before.after;
    if (!moved && now - this.savedAt < RENEW_MS) return true;
    return this.save({ ...next, phase: this.phase });
  }

  /** The next devices whose turn it is, at most `limit`, and the position after them. */
  private async nextDevices(limit: number) {
    const devices: { shard: number; device: string }[] = [];
    let next = this.position;
    for (let checked = 0; devices.length < limit && next.shard < SHARDS && checked < DEVICES_PER_STEP; ) {
      const missing = limit - devices.length;
      const size = this.selection.takesAll ? missing : Math.min(missing * 4 + 16, DEVICES_PER_PAGE);
      const page = await nextDevices(this.redis, this.rollout, next, size);
      const selected = await this.selection.select(
        this.redis,
        this.rollout.fleet,
        page.devices.map(({ device }) => device),
      );
      checked += Math.max(page.devices.length, 1);
      next = page.next;
      for (const [i, device] of page.devices.entries()) {
        if (selected[i]) devices.push(device);
        if (devices.length < limit || i === page.devices.length - 1) continue;
        next = { shard: device.shard, after: device.device };
        break;
      }
    }
    return { devices, next };
  }

  /** Ends the rollout if too many have failed or all have ended. */
  private async checkEnd(): Promise<boolean> {
    const { rollout } = this;
    const counts = await countRollout(this.redis, rollout.id);
    if (isFailing(counts, rollout.request.abortAbove)) {
      // The next holder, possibly this replica, sweeps it with a new token, because the shards now reject this one.
      if (await endRollout(this.redis, rollout, 'aborted', counts))
        this.observer.progressed(rollout, 'aborted', counts);
      return false;
    }
    if (this.phase === 'settle' && endedOf(counts) === counts.enqueued) {
      if (!(await endRollout(this.redis, rollout, 'done', counts))) return false;
      this.observer.progressed(rollout, 'done', counts);
      await forgetRollout(this.redis, rollout.id);
      return false;
    }
    const changed = this.report(counts);
    return this.phase === 'settle' ? this.pause(changed) : true;
  }

  /** Cancels pending commands of an ended rollout. */
  private async sweep(): Promise<boolean> {
    const { rollout } = this;
    for (let page = 0; page < PAGES_PER_STEP && this.swept.shard < SHARDS; page += 1) {
      const { shard, after } = this.swept;
      const { ended, next } = await sweepRollout(this.redis, rollout, shard, after);
      this.observer.swept(rollout, ended);
      this.swept = next === '' ? { shard: shard + 1, after: '' } : { shard, after: next };
    }
    if (this.swept.shard < SHARDS) return this.save({});
    this.swept = { shard: 0, after: '' };
    const counts = await countRollout(this.redis, rollout.id);
    const changed = this.report(counts);
    if (endedOf(counts) < counts.enqueued) return this.pause(changed);
    await closeRollout(this.redis, rollout, counts);
    return false;
  }

  /** Pauses before the next check, twice as long while nothing changes. */
  private pause(changed: boolean): Promise<boolean> {
    this.waitMs = changed ? WAIT_MS : Math.min(this.waitMs * 2, ROLLOUT_PAUSE_MS);
    this.pausedUntil = this.now() + this.waitMs;
    return this.save({}, this.waitMs + ROLLOUT_LEASE_MS);
  }

  private async save(
    changes: Partial<Position & { phase: RolloutPhase }>,
    leaseMs?: number,
  ): Promise<boolean> {
    this.savedAt = this.now();
    return saveRollout(this.redis, this.rollout, changes, leaseMs);
  }

  /** Reports changed counts, at most once per second. @returns whether they have changed since the last report */
  private report(counts: RolloutCounts): boolean {
    const text = JSON.stringify(counts);
    if (text === this.reported) return false;
    if (this.now() - this.reportedAt >= REPORT_MS) {
      this.observer.progressed(this.rollout, this.rollout.state, counts);
      this.reported = text;
      this.reportedAt = this.now();
    }
    return true;
  }
}
