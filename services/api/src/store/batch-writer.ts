/** Entries that wait while Redis is unavailable; beyond this they are dropped and counted. */
const MAX_WAITING = 5000;
const MAX_BATCH = 500;

/** Writes entries in batches, after the requests that caused them, which do not wait for it. */
export class BatchWriter<T> {
  private readonly waiting: T[] = [];
  private writing: Promise<void> | undefined;

  constructor(
    private readonly write: (batch: readonly T[]) => Promise<void>,
    /** Called with the error of a failed write, or without one if too many entries wait. */
    private readonly onDropped: (count: number, error?: unknown) => void,
  ) {}

  append(entry: T): void {
    if (this.waiting.length >= MAX_WAITING) this.onDropped(1);
    else this.waiting.push(entry);
    this.writing ??= this.writeAll();
  }

  /** Resolves when everything appended so far is written or dropped. */
  async drain(): Promise<void> {
    while (this.writing) await this.writing;
  }

  private async writeAll(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, MAX_BATCH);
      try {
        await this.write(batch);
        // eslint-disable-next-line no-restricted-syntax -- onDropped reports the error
      } catch (error) {
        this.onDropped(batch.length, error);
      }
    }
    this.writing = undefined;
  }
}
