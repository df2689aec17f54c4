import { type Change, entriesOf, type Storage } from '../storage/storage.js';

/**
 * The highest `seq` begun in each lane. A command at or below it was overtaken by a newer one and must not be begun any more.
 * The lanes are bounded: the least recently used one is forgotten, and protects no longer.
 */
export class LaneMarks {
  /** Least recently used first. */
  private readonly marks: Map<string, number>;

  constructor(
    storage: Storage,
    private readonly limit: number,
  ) {
    this.marks = new Map(entriesOf(storage, 'lane:').map(([lane, seq]) => [lane, Number(seq)]));
  }

  overtaken(lane: string, seq: number): boolean {
    return seq <= (this.marks.get(lane) ?? 0);
  }

  /** What a storage must be told when a command begins; `begin` follows once it has. */
  changes(lane: string, seq: number): Change[] {
    // Removed first: the storage then has the lanes in the order of their use.
    return [
      [`lane:${this.leaving(lane) ?? lane}`, undefined],
      [`lane:${lane}`, String(seq)],
    ];
  }

  begin(lane: string, seq: number): void {
    const leaving = this.leaving(lane);
    if (leaving !== undefined) this.marks.delete(leaving);
    this.marks.delete(lane);
    this.marks.set(lane, seq);
  }

  private leaving(lane: string): string | undefined {
    if (this.marks.has(lane) || this.marks.size < this.limit) return undefined;
    return this.marks.keys().next().value;
  }
}
