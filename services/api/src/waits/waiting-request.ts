/** A request that waits for a command to end, for a number of seconds from now. */
export class WaitingRequest {
  private readonly deadline: number;
  private isWoken = false;
  private resume: (() => void) | undefined;
  /** The client has disconnected, or the response has been sent. */
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
    this.resume?.();
  }

  leave(): void {
    this.hasLeft = true;
    this.wake();
  }

  /** Forgets earlier wake-ups; the next read of the command covers them. */
  clearWake(): void {
    this.isWoken = false;
  }

  /** Resolves when it is woken, immediately if that happened since `clearWake()`, or when the wait is over. */
  async waitForWake(): Promise<void> {
    if (this.isWoken) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.ceil(this.deadline - performance.now()));
      this.resume = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.resume = undefined;
  }
}
