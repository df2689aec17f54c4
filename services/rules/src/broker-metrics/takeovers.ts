/** So many takeovers of one client id within so long, milliseconds, are two clients: a device that comes back takes its id over once. */
const CONTESTED = 3;
const WITHIN_MS = 5 * 60_000;
/** Client ids that are watched; the one that was taken over least recently makes room. */
const MAX_CLIENTS = 1000;

/** Which client ids are taken over again and again. */
export class Takeovers {
  /** The last times of each client id, the least recently taken over first. */
  private readonly times = new Map<string, readonly number[]>();

  /** @param now monotonic time, milliseconds */
  record(client: string, now: number): void {
    const times = [...(this.times.get(client) ?? []), now].slice(-CONTESTED);
    this.times.delete(client);
    if (this.times.size >= MAX_CLIENTS) this.times.delete(this.times.keys().next().value!);
    this.times.set(client, times);
  }

  /** How many client ids are contested now. */
  contested(now: number): number {
    let count = 0;
    for (const times of this.times.values())
      if (times.length === CONTESTED && now - times[0]! <= WITHIN_MS) count += 1;
    return count;
  }
}
