import { BOUNDS } from '@lamplighter/contracts/bounds';
import { reasonOf } from '../commands/execute-command.js';
import type { Drop } from '../device-event.js';
import type { Measurements } from './reading-count.js';
import type { PublishOutcome, Telemetry, TelemetryTools } from './telemetry.js';

/** Policy `latest`: a reading is sent immediately or dropped. */
export class LatestTelemetry implements Telemetry {
  readonly waiting = 0;
  private inFlight = 0;

  /** @param window maximum number of readings in flight; further ones are dropped */
  constructor(
    private readonly tools: TelemetryTools,
    private readonly window: number,
  ) {}

  publish(measurements: Measurements): Promise<PublishOutcome> {
    const { count, transmit, onEvent } = this.tools;
    const taken = count.take();
    const { seq, n } = taken;
    const text = count.write(measurements, taken);
    const drop = this.reasonToDrop(text);
    if (drop !== undefined) this.drop(seq, drop);
    this.store();
    onEvent({ event: 'taken', seq, n });
    if (drop !== undefined) return Promise.resolve(drop);
    onEvent({ event: 'sent', seqs: [seq] });
    this.inFlight += 1;
    return new Promise((resolve) => {
      transmit(text, (outcome) => {
        this.inFlight -= 1;
        if (outcome === 'refused') this.drop(seq, 'refused');
        onEvent({ event: 'settled', seqs: [seq], outcome });
        resolve(outcome);
      });
    });
  }

  online(): void {}
  offline(): void {}
  receive(): void {}

  private reasonToDrop(text: string): Drop | undefined {
    if (!this.tools.isOnline()) return 'offline';
    if (this.inFlight >= this.window) return 'window_full';
    return Buffer.byteLength(text) > BOUNDS.maxReadingBytes ? 'too_large' : undefined;
  }

  private drop(seq: number, reason: Drop): void {
    this.tools.count.drop();
    this.tools.onEvent({ event: 'dropped', seq, reason });
  }

  private store(): void {
    try {
      this.tools.count.store();
    } catch (error) {
      this.tools.onEvent({ event: 'storage_failed', reason: reasonOf(error) });
    }
  }
}
