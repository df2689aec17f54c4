/** This many takeovers of one client id within WITHIN_MS mean two clients; a device that reconnects causes only one. */
const CONTESTED = 3;
const WITHIN_MS = 5 * 60_000;
/** Tracked client ids; the one that was taken over least recently is evicted. */
const MAX_CLIENTS = 1000;

/** Detects contested client ids. */
export class Takeovers {
  /** The times of the last takeovers by client id, the least recently taken over first. */
  private readonly times = new Map<string, readonly number[]>();

  /** @param now monotonic time, milliseconds */
  record(client: string, now: number): void {
    const times = [...(this.times.get(client) ?? []), now].slice(-CONTESTED);
    this.times.delete(client);
    if (this.times.size >= MAX_CLIENTS) this.times.delete(this.times.keys().next().value!);
    this.times.set(client, times);
  }

  /** Number of contested client ids. */
  contested(now: number): number {
    let count = 0;
    for (const times of this.times.values())
      if (times.length === CONTESTED && now - times[0]! <= WITHIN_MS) count += 1;
    return count;
  }
}
