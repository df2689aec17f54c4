import { parseTelemetry } from '@lamplighter/contracts/telemetry/reading';
import type { Receipt } from '@lamplighter/contracts/telemetry/receipt';
import { reasonOf } from '../commands/execute-command.js';
import type { Drop } from '../device-event.js';
import type { Outbox } from './outbox.js';
import { OutboxReplay, type ReplayOptions } from './outbox-replay.js';
import type { Measurements, NumberedReading } from './reading-count.js';
import type { PublishOutcome, Telemetry, TelemetryTools } from './telemetry.js';

/** Policy `keep`: a reading stays in the outbox until a receipt confirms that the server stored or permanently rejected it. */
export class KeptTelemetry implements Telemetry {
  private readonly replay: OutboxReplay;

  constructor(
    private readonly tools: TelemetryTools,
    private readonly outbox: Outbox,
    options?: ReplayOptions,
  ) {
    this.replay = new OutboxReplay(outbox, (...message) => this.send(...message), options);
  }

  get waiting(): number {
    return this.outbox.size;
  }

  publish(measurements: Measurements): Promise<PublishOutcome> {
    const taken = this.tools.count.take();
    const outcome = this.keep(measurements, taken);
    if (outcome !== 'kept') this.drop(taken.seq, outcome);
    this.tools.onEvent({ event: 'taken', seq: taken.seq, n: taken.n });
    this.replay.advance();
    return Promise.resolve(outcome);
  }

  online(): void {
    this.replay.resume();
  }

  offline(): void {
    this.replay.pause();
  }

  receive(receipt: Receipt): void {
    const stored = this.outbox.filterSent(receipt.stored);
    const refused = this.outbox.filterSent(receipt.refused ?? []).filter((seq) => !stored.includes(seq));
    if (stored.length + refused.length === 0) return;
    this.tools.onEvent({ event: 'receipt', stored, refused });
    const seqs = [...stored, ...refused];
    if (this.attempt(() => this.outbox.release(seqs))) this.replay.receive(seqs);
  }

  private keep(measurements: Measurements, taken: NumberedReading): 'kept' | Drop {
    const { count, onEvent } = this.tools;
    const text = count.write(measurements, taken);
    const reason = reasonToDrop(text, taken);
    if (reason !== undefined) return reason;
    const room = this.outbox.roomFor((leaving) =>
      leaving === 0 ? text : count.write(measurements, taken, leaving),
    );
    if (room === undefined) return 'outbox_full';
    for (const seq of room.leaving) onEvent({ event: 'dropped', seq, reason: 'outbox_full' });
    const change = count.change(room.leaving.length);
    if (!this.attempt(() => this.outbox.keep(taken.seq, room, [change]))) return 'storage';
    count.drop(room.leaving.length);
    return 'kept';
  }

  private drop(seq: number, reason: Drop): void {
    this.tools.count.drop();
    this.tools.onEvent({ event: 'dropped', seq, reason });
    this.attempt(() => this.tools.count.store());
  }

  private send(seqs: readonly number[], payload: string, acknowledged: () => void): void {
    this.attempt(() => this.outbox.markSent(seqs.at(-1) ?? 0));
    this.tools.onEvent({ event: 'sent', seqs });
    // A PUBACK does not remove a reading from the outbox; only a receipt does.
    this.tools.transmit(payload, (outcome) => {
      this.tools.onEvent({ event: 'settled', seqs, outcome });
      if (outcome === 'acknowledged' || outcome === 'refused') acknowledged();
    });
  }

  private attempt(change: () => void): boolean {
    try {
      change();
      return true;
    } catch (error) {
      this.tools.onEvent({ event: 'storage_failed', reason: reasonOf(error) });
      return false;
    }
  }
}

/** The reason to drop a reading that the server would always reject, and that would otherwise be sent forever. Does not check times. */
function reasonToDrop(text: string, { at }: NumberedReading): Drop | undefined {
  const [rejected] = parseTelemetry(Buffer.from(text), at).rejected;
  if (rejected === undefined) return undefined;
  return rejected.reason === 'too_large' ? 'too_large' : 'invalid';
}
