/** A request that waits for a command to end, for so many seconds from now. Whoever learns something of the command wakes it. */
export class WaitingRequest {
  private readonly deadline: number;
  private isWoken = false;
  private goOn: (() => void) | undefined;
  /** The client has hung up, or has been answered. */
  hasLeft = false;

  constructor(private readonly seconds: number) {
    this.deadline = performance.now() + seconds * 1000;
  }

  /** For the Preference-Applied header. */
  get applied(): string {
    return `wait=${this.seconds}`;
  }

  get isOver(): boolean {
    return performance.now() >= this.deadline;
  }

  wake(): void {
    this.isWoken = true;
    this.goOn?.();
  }

  leave(): void {
    this.hasLeft = true;
    this.wake();
  }

  /** What woke it until now is known by what is read next. */
  sleep(): void {
    this.isWoken = false;
  }

  /** Settles once it is woken, at once if it was since `sleep()`, and when the time is over. */
  async woken(): Promise<void> {
    if (this.isWoken) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.ceil(this.deadline - performance.now()));
      this.goOn = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.goOn = undefined;
  }
}
