/** What a command told of the server's time. */
interface Sample {
  /** The server's time less our monotonic one when the command came, if it came at once; ms. */
  readonly offset: number;
  /** For how long at most it had been on its way, ms. */
  readonly delay: number;
}

/** A clock that agrees with the server's this well is right; the message expiry counts whole seconds. */
const AGREES_MS = 2000;
/** Samples that count: the last few, so that a clock that drifts is followed. */
const SAMPLES = 8;

/**
 * The server's time as a device can know it. The broker counts down a command's message expiry, so a command says at which
 * server time it was sent: `expiresAt` less the seconds left. It may have waited on the way since, but never negatively: the
 * largest of the last few samples is the best. A delay looks like a device clock that is ahead; how long the delay can have
 * been at most tells the two apart, and in doubt the device's clock is right (a late command is then refused, never executed).
 *
 * Samples are held against the monotonic clock, so a device clock that is set does not spoil them.
 */
export class ServerClock {
  private readonly samples: Sample[] = [];

  /**
   * @param wall the device's clock, ms since 1970
   * @param monotonic a clock that nobody sets, ms
   */
  constructor(
    private readonly wall: () => number = Date.now,
    private readonly monotonic: () => number = () => performance.now(),
  ) {}

  /**
   * Learns from a command that came now.
   * @param serverTime when it was sent at the latest, on the server's clock: `expiresAt` less the seconds left
   * @param delay how long ago that can have been at most, ms
   */
  observe(serverTime: number, delay: number): void {
    this.samples.push({ offset: serverTime - this.monotonic(), delay });
    if (this.samples.length > SAMPLES) this.samples.shift();
  }

  /** The server's time, ms since 1970; the device's own without a sample. */
  now(): number {
    const wall = this.wall();
    const behind = this.behind(wall);
    return behind === undefined ? wall : wall + behind;
  }

  /** How far the device's clock is behind the server's; undefined if it is right as far as anyone can tell. */
  private behind(wall: number): number | undefined {
    const ours = wall - this.monotonic();
    let least = Number.NEGATIVE_INFINITY;
    let most = Number.POSITIVE_INFINITY;
    for (const { offset, delay } of this.samples) {
      least = Math.max(least, offset - ours);
      most = Math.min(most, offset + delay - ours);
    }
    const isRight = least <= AGREES_MS && most >= -AGREES_MS;
    return isRight ? undefined : Math.round(least);
  }
}
