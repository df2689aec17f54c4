import { jitteredMs } from '@lamplighter/contracts/backoff';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import { giveUpCommands } from '@lamplighter/store/delivery/acknowledge-commands';
import { requeueCommands } from '@lamplighter/store/delivery/requeue-commands';
import { shardOf } from '@lamplighter/store/keys';
import type { Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { RulesMetrics } from '../metrics.js';
import type { PublishOutcome } from '../mqtt/messages.js';
import { RulesErrors } from '../rules-errors.js';
import { type Dispatch, leaseOf } from './dispatch.js';
import { RulesCommandRecorder } from './rules-command-recorder.js';

/** Outcomes are collected for this long, because each call costs Redis a write to disk. Milliseconds. */
const REPORT_MS = 20;
/** Shortest wait after the broker found no subscriber, milliseconds, and its jitter. It grows with the age of the command. */
export const UNREACHABLE_WAIT_MS = 5000;
export const JITTER = 0.2;
const NO_SUBSCRIBER = 16;

/** Records the broker's responses that end or requeue a command: no subscriber, refused, or no acknowledgement to expect. */
export class DeliveryReports {
  private ended: Dispatch[] = [];
  private returned: { dispatch: Dispatch; cause: string }[] = [];
  private reporting: Promise<void> | undefined;

  /** @param wake gets the shards in which commands may be due */
  constructor(
    private readonly redis: Redis,
    private readonly logger: Logger,
    private readonly metrics: RulesMetrics,
    private readonly unexpected: RulesErrors,
    private readonly recorder: RulesCommandRecorder,
    private readonly wake: (shards: Iterable<number>) => void,
  ) {}

  /** Adds the outcome of the PUBLISH of a command. */
  add(dispatch: Dispatch, outcome: PublishOutcome): void {
    if (outcome === 'lost') return; // it may have arrived: it is dispatched again when its lease expires
    if (outcome === NO_SUBSCRIBER) {
      this.metrics.unreachable.inc({ reason: 'no_subscriber' });
      this.returned.push({ dispatch, cause: 'unreachable' });
    } else if (outcome >= 128) {
      this.metrics.unreachable.inc({ reason: 'refused' });
      this.returned.push({ dispatch, cause: `refused_${outcome}` });
    } else if (!dispatch.acknowledges) {
      this.ended.push(dispatch); // the broker accepted it, and this device does not acknowledge
    } else {
      return;
    }
    this.reporting ??= this.report().finally(() => {
      this.reporting = undefined;
    });
  }

  /** Settles when everything is recorded. */
  async settled(): Promise<void> {
    await this.reporting;
  }

  /** Records in batches: outcomes that arrive during one call go into the next. After a failed call the leases expire. */
  private async report(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, REPORT_MS));
    while (this.ended.length > 0 || this.returned.length > 0) {
      const ended = this.ended.splice(0);
      const returned = this.returned.splice(0);
      try {
        if (ended.length > 0) this.wake(await this.giveUp(ended));
        if (returned.length > 0) this.wake(await this.requeue(returned));
      } catch (error) {
        const commands = ended.length + returned.length;
        const message =
          'could not record delivery outcome; commands will be retried when their leases expire';
        if (storeFailure(error) === undefined)
          this.unexpected.report('dispatch', error, message, { commands });
        else this.logger.warn({ reason: (error as Error).message, commands }, message);
      }
    }
  }

  /** Ends commands that no device will acknowledge. @returns shards in which the next command is due */
  private async giveUp(ended: readonly Dispatch[]): Promise<Set<number>> {
    const leases = ended.map((dispatch) => ({ ...leaseOf(dispatch), cause: 'unannounced' }));
    const outcomes = await this.metrics.storeCall('requeue', () => giveUpCommands(this.redis, leases));
    const due = new Set<number>();
    for (const [i, dispatch] of ended.entries()) {
      const outcome = outcomes[i];
      if (outcome === undefined) continue;
      this.recorder.recordTransition('unknown', dispatch.source, dispatch, { cause: 'unannounced' });
      this.recorder.recordCancelled(dispatch.source, dispatch, outcome.aborted);
      if (outcome.nextIsDue) due.add(shardOf(dispatch.fleet, dispatch.device));
    }
    return due;
  }

  /** Requeues commands that reached no device. @returns shards in which commands are due */
  private requeue(returned: readonly { dispatch: Dispatch; cause: string }[]): Promise<Iterable<number>> {
    const waits = returned.map(({ dispatch, cause }) => ({
      ...leaseOf(dispatch),
      waitMs: jitteredMs(UNREACHABLE_WAIT_MS, JITTER),
      cause,
    }));
    return this.metrics.storeCall('requeue', () => requeueCommands(this.redis, waits));
  }
}
