/** Collected at most while the tab is hidden and draws no frames; then the oldest are dropped and the page reads its resources again. */
const MAX_WAITING = 5000;
/** A hidden tab has no animation frames. */
const HIDDEN_MS = 1000;

/** Collects items, and hands over all that arrived since the last animation frame in one call. */
export class FrameBatch<Item> {
  private waiting: Item[] = [];
  private isScheduled = false;

  constructor(
    private readonly apply: (items: readonly Item[]) => void,
    private readonly onOverflow: () => void,
  ) {}

  add(item: Item): void {
    if (this.waiting.length >= MAX_WAITING) {
      this.waiting = [];
      this.onOverflow();
    }
    this.waiting.push(item);
    if (this.isScheduled) return;
    this.isScheduled = true;
    if (document.hidden) setTimeout(this.flush, HIDDEN_MS);
    else requestAnimationFrame(this.flush);
  }

  private readonly flush = (): void => {
    this.isScheduled = false;
    const items = this.waiting;
    this.waiting = [];
    this.apply(items);
  };
}
