/** Decides when readings are sent. Readings are numbered from 0; times are milliseconds since the start. */
export interface Pace {
  /** Number of readings; infinite while it is open. */
  readonly total: number;
  /** Number of readings that must have been sent by this time. */
  dueBy(elapsedMs: number): number;
  /** When a reading was due; latency counts from here. */
  dueAt(reading: number): number;
  /** Whether this reading, of the device with this index, may cross the threshold. */
  mayCross(reading: number, device: number): boolean;
}

/**
 * Sends whenever fewer than `limit` readings are in flight (a closed loop): the service always has work, and its backlog stays bounded.
 * A reading is due when it is sent.
 */
export class FlatOutPace implements Pace {
  private due = 0;
  private now = 0;
  private isOver = false;

  /** @param inFlight readings sent and not yet handled */
  constructor(
    private readonly durationMs: number,
    private readonly limit: number,
    private readonly inFlight: () => number,
  ) {}

  get total(): number {
    return this.isOver ? this.due : Number.POSITIVE_INFINITY;
  }

  dueBy(elapsedMs: number): number {
    this.now = elapsedMs;
    if (elapsedMs >= this.durationMs) this.isOver = true;
    else this.due += Math.max(0, this.limit - this.inFlight());
    return this.due;
  }

  dueAt(): number {
    return this.now;
  }

  mayCross(): boolean {
    return true;
  }
}
