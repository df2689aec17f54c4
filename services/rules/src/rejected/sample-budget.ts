/** Limits samples per second and per sender, so that a flood is cheap and does not hide other senders. */
export class SampleBudget {
  private second = 0;
  private taken = 0;
  private readonly bySender = new Map<string, number>();

  constructor(
    private readonly perSecond: number,
    private readonly perSender: number,
    /** Monotonic time, milliseconds. */
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Takes one sample of a sender. @returns false if a limit is reached */
  take(sender: string): boolean {
    const second = Math.floor(this.now() / 1000);
    if (second !== this.second) {
      this.second = second;
      this.taken = 0;
      this.bySender.clear();
    }
    if (this.taken >= this.perSecond) return false;
    const own = this.bySender.get(sender) ?? 0;
    if (own >= this.perSender) return false;
    this.taken += 1;
    this.bySender.set(sender, own + 1);
    return true;
  }
}
