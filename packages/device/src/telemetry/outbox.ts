import { type Change, entriesOf, type Storage } from '../storage/storage.js';

export interface OutboxLimits {
  /** Maximum number of readings. */
  readonly readings: number;
  /** Maximum bytes of their JSON text. */
  readonly bytes: number;
  /** What to drop when the outbox is full: the oldest reading that was never sent, or the new one. */
  readonly drop: 'oldest' | 'newest';
}

export const DEFAULT_OUTBOX_LIMITS: OutboxLimits = { readings: 1000, bytes: 1_048_576, drop: 'oldest' };

/** The readings to drop for a new one, and the text of the new one. */
export interface Room {
  readonly leaving: readonly number[];
  readonly text: string;
}

/**
 * The readings without a receipt, in order, in a storage. A reading leaves with its receipt, or is dropped when the outbox is full. A
 * reading that was sent is never dropped: the server may have stored it, and the ledger would then count it twice.
 */
export class Outbox {
  /** `_seq` of the readings, ascending. */
  private readonly seqs: number[];
  private bytes = 0;
  /** Highest `_seq` that was sent. */
  private sent: number;

  constructor(
    private readonly storage: Storage,
    private readonly limits: OutboxLimits = DEFAULT_OUTBOX_LIMITS,
  ) {
    const kept = entriesOf(storage, 'reading:');
    this.seqs = kept.map(([seq]) => Number(seq)).sort((a, b) => a - b);
    for (const [, text] of kept) this.bytes += Buffer.byteLength(text);
    this.sent = Number(storage.get('sent') ?? 0);
  }

  get size(): number {
    return this.seqs.length;
  }

  /** Highest `_seq` in the outbox; 0 if it is empty. */
  get newest(): number {
    return this.seqs.at(-1) ?? 0;
  }

  /**
   * Determines what to drop for a new reading; undefined if the new reading is to be dropped. Changes nothing.
   * @param write returns the text of the new reading, which contains the number of dropped readings
   */
  roomFor(write: (leaving: number) => string): Room | undefined {
    const from = this.limits.drop === 'oldest' ? this.after(this.sent) : this.seqs.length;
    let freed = 0;
    for (let to = from; ; to += 1) {
      const text = write(to - from);
      const fits =
        this.seqs.length - (to - from) < this.limits.readings &&
        this.bytes - freed + Buffer.byteLength(text) <= this.limits.bytes;
      if (fits) return { leaving: this.seqs.slice(from, to), text };
      const next = this.seqs[to];
      if (next === undefined) return undefined;
      freed += Buffer.byteLength(this.textOf(next));
    }
  }

  /**
   * Adds the newest reading and writes `more` in the same change.
   * @throws StorageFailed and changes nothing
   */
  keep(seq: number, { leaving, text }: Room, more: readonly Change[]): void {
    const freed = leaving.reduce((sum, left) => sum + Buffer.byteLength(this.textOf(left)), 0);
    this.storage.write([...leaving.map(removal), ...more, [`reading:${seq}`, text]]);
    if (leaving.length > 0) this.seqs.splice(this.seqs.indexOf(leaving[0] as number), leaving.length);
    this.seqs.push(seq);
    this.bytes += Buffer.byteLength(text) - freed;
  }

  /** The given readings that are in the outbox and were sent; receipts for others are ignored. */
  filterSent(seqs: Iterable<number>): number[] {
    return [...new Set(seqs)].filter((seq) => seq <= this.sent && this.has(seq));
  }

  /**
   * Removes readings.
   * @throws StorageFailed and changes nothing: the readings are sent again
   */
  release(seqs: readonly number[]): void {
    if (seqs.length === 0) return;
    const freed = seqs.reduce((sum, seq) => sum + Buffer.byteLength(this.textOf(seq)), 0);
    this.storage.write(seqs.map(removal));
    this.bytes -= freed;
    const gone = new Set(seqs);
    let at = 0;
    for (const seq of this.seqs) if (!gone.has(seq)) this.seqs[at++] = seq;
    this.seqs.length = at;
  }

  /** The next readings after `seq` that fit one message, with their texts. */
  batch(behind: number, most: { readings: number; bytes: number }): { seqs: number[]; texts: string[] } {
    const batch = { seqs: [] as number[], texts: [] as string[] };
    let bytes = 2;
    for (let at = this.after(behind); at < this.seqs.length && batch.seqs.length < most.readings; at += 1) {
      const seq = this.seqs[at] as number;
      const text = this.textOf(seq);
      bytes += Buffer.byteLength(text) + 1;
      if (bytes > most.bytes && batch.seqs.length > 0) break;
      batch.seqs.push(seq);
      batch.texts.push(text);
    }
    return batch;
  }

  /**
   * Records that all readings up to `seq` were sent.
   * @throws StorageFailed if the record will not survive a restart
   */
  markSent(seq: number): void {
    if (seq <= this.sent) return;
    this.sent = seq;
    this.storage.write([['sent', String(seq)]], { durable: false });
  }

  has(seq: number): boolean {
    return this.storage.get(`reading:${seq}`) !== undefined;
  }

  textOf(seq: number): string {
    return this.storage.get(`reading:${seq}`) ?? '';
  }

  /** Index of the first reading after `seq`. */
  private after(seq: number): number {
    let low = 0;
    let high = this.seqs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.seqs[middle] as number) <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const removal = (seq: number): Change => [`reading:${seq}`, undefined];
