import { type Change, entriesOf, type Storage } from '../storage/storage.js';

export interface OutboxLimits {
  /** Most readings. */
  readonly readings: number;
  /** Most bytes of their JSON text. */
  readonly bytes: number;
  /** Who goes when there is no room: the oldest reading that was never sent, or the one that comes. */
  readonly drop: 'oldest' | 'newest';
}

export const DEFAULT_OUTBOX_LIMITS: OutboxLimits = { readings: 1000, bytes: 1_048_576, drop: 'oldest' };

/** The readings that must go for a new one, and the text of the new one. */
export interface Room {
  readonly leaving: readonly number[];
  readonly text: string;
}

/**
 * The readings that the server may not have yet, in order, in a storage. A reading leaves by a receipt, or is dropped for want
 * of room. One that was ever sent is not dropped: the server may have stored it, and nobody could then say what was lost.
 */
export class Outbox {
  /** Of the readings kept, ascending. */
  private readonly seqs: number[];
  private bytes = 0;
  /** Highest `_seq` that was ever sent. */
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

  /** Highest `_seq` kept, 0 if there is none. */
  get newest(): number {
    return this.seqs.at(-1) ?? 0;
  }

  /**
   * Finds room for a reading; undefined if it is the one to be dropped. Changes nothing.
   * @param write its text, which tells how many readings leave for its sake
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
   * Keeps a reading, newer than all others, in its room, and with it whatever else belongs to the same change.
   * @throws StorageFailed and nothing has changed
   */
  keep(seq: number, { leaving, text }: Room, more: readonly Change[]): void {
    const freed = leaving.reduce((sum, left) => sum + Buffer.byteLength(this.textOf(left)), 0);
    this.storage.write([...leaving.map(removal), ...more, [`reading:${seq}`, text]]);
    if (leaving.length > 0) this.seqs.splice(this.seqs.indexOf(leaving[0] as number), leaving.length);
    this.seqs.push(seq);
    this.bytes += Buffer.byteLength(text) - freed;
  }

  /** Those of the readings that are here and were sent: a receipt for anything else is a mistake. */
  known(seqs: Iterable<number>): number[] {
    return [...new Set(seqs)].filter((seq) => seq <= this.sent && this.has(seq));
  }

  /**
   * Lets known readings go.
   * @throws StorageFailed and nothing has changed: they will be sent once more
   */
  release(seqs: readonly number[]): void {
    if (seqs.length === 0) return;
    const freed = seqs.reduce((sum, seq) => sum + Buffer.byteLength(this.textOf(seq)), 0);
    this.storage.write(seqs.map(removal));
    this.bytes -= freed;
    const gone = new Set(seqs);
    // In place: what stays moves up.
    let at = 0;
    for (const seq of this.seqs) if (!gone.has(seq)) this.seqs[at++] = seq;
    this.seqs.length = at;
  }

  /** The next readings behind `seq`, as many as one message may hold, with their texts. */
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
   * Notes that everything up to `seq` goes out.
   * @throws StorageFailed the note will not survive a restart
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

  /** Index of the first reading behind `seq`. */
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
