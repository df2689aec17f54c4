import { type Change, entriesOf, type Storage } from '../storage/storage.js';

/**
 * The highest `seq` started in each lane. A command at or below the mark was overtaken by a newer one and must not start. The number of
 * lanes is bounded: the least recently used mark is evicted and no longer protects its lane.
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

  isOvertaken(lane: string, seq: number): boolean {
    return seq <= (this.marks.get(lane) ?? 0);
  }

  /** The storage changes for a command that starts; call `advance` after they are written. */
  changes(lane: string, seq: number): Change[] {
    // Remove before writing, so that the storage lists lanes in the order of their use.
    return [
      [`lane:${this.evicted(lane) ?? lane}`, undefined],
      [`lane:${lane}`, String(seq)],
    ];
  }

  advance(lane: string, seq: number): void {
    const leaving = this.evicted(lane);
    if (leaving !== undefined) this.marks.delete(leaving);
    this.marks.delete(lane);
    this.marks.set(lane, seq);
  }

  private evicted(lane: string): string | undefined {
    if (this.marks.has(lane) || this.marks.size < this.limit) return undefined;
    return this.marks.keys().next().value;
  }
}
