/**
 * Keeps concurrent calls to Redis in order although each one retries with jitter while Redis is unavailable: readings without sequence
 * numbers are ordered by their write.
 */
export class OrderedRetries {
  /** Settles when the last retrying call has succeeded; undefined if none is retrying. */
  private last: Promise<void> | undefined;

  /**
   * Runs `work` after all calls that are retrying.
   * @param work calls `onRetry` after each failure, and awaits the returned promise before the next attempt
   */
  async run<R>(work: (onRetry: () => Promise<void> | undefined) => Promise<R>): Promise<R> {
    if (this.last !== undefined) await this.last;
    let before: Promise<void> | undefined;
    let own: Promise<void> | undefined;
    let end = () => {};
    const onRetry = () => {
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
      return await work(onRetry);
    } finally {
      end();
      if (this.last === own) this.last = undefined;
    }
  }
}
