/**
 * Keeps concurrent calls to Redis in order although each retries with jitter while Redis is unavailable: readings without sequence numbers
 * are ordered by their write.
 */
export class OrderedRetries {
  /** Settles when the last of those that are being repeated has succeeded; undefined while Redis takes what it gets. */
  private last: Promise<void> | undefined;

  /**
   * Does a piece of work after all that is being repeated.
   * @param work calls `repeats` whenever it has failed; what that gives it awaits before the next attempt
   */
  async run<R>(work: (repeats: () => Promise<void> | undefined) => Promise<R>): Promise<R> {
    if (this.last !== undefined) await this.last;
    let before: Promise<void> | undefined;
    let own: Promise<void> | undefined;
    let end = () => {};
    const repeats = () => {
      if (own === undefined) {
        before = this.last;
        own = new Promise((resolve) => {
          end = resolve;
        });
        this.last = own;
      }
      return before;
    };
    try {
      return await work(repeats);
    } finally {
      end();
      if (this.last === own) this.last = undefined;
    }
  }
}
