/** What commands that came together told of the server's time. */
interface Sample {
  /** When the first of them came; monotonic, ms. */
  readonly at: number;
  /** The server's time less our monotonic one, if the one that took least had come at once; ms. */
  least: number;
  /** The same, if they had been on their way from the broker for as long as possible. */
  most: number;
}

/** A clock that agrees with the server's this well is right; the message expiry counts whole seconds. */
const AGREES_MS = 2000;
/** Samples that count: the last few, so that a clock that drifts is followed. */
const SAMPLES = 8;
/** Commands that come within this time make one sample, ms: what a stall held up must not push out all that was known before. */
const SAMPLE_MS = 2000;
/** A broker, or the link of the service to it, that stands still for longer is given up (one and a half keep-alives), ms. */
const LONGEST_STALL_MS = 45_000;
/** What it held comes at once, ms. */
const TOGETHER_MS = 10_000;

/**
 * The server's time as a device can know it. The broker counts down a command's message expiry, so a command says at which
 * server time it was sent: `deliverBy` less the seconds left. It may have waited on the way since, but never negatively: the
 * largest of the last few samples is the best. A delay looks like a device clock that is ahead; in doubt the device's clock is
 * right (a late command is then refused, never executed). What tells the two apart:
 *
 * - how long the command can have been on its way from the broker at most; the broker's answers to the device tell that;
 * - on the way to the broker, which nobody here sees, one stall holds up everything: a clock that seems to be ahead by less than
 *   that may take is right until there are commands that came some time apart.
 *
 * Samples are held against the monotonic clock, so a device clock that is set does not spoil them.
 */
export class ServerClock {
  private readonly samples: Sample[] = [];
  /** When the latest command came; monotonic, ms. */
  private latestAt = 0;

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
   * @param serverTime when it was sent at the latest, on the server's clock: `deliverBy` less the seconds left
   * @param delay how long ago that can have been at most, ms
   */
  observe(serverTime: number, delay: number): void {
    const at = this.monotonic();
    this.latestAt = at;
    const least = serverTime - at;
    const most = least + delay;
    const last = this.samples.at(-1);
    if (last === undefined || at - last.at >= SAMPLE_MS) {
      this.samples.push({ at, least, most });
      if (this.samples.length > SAMPLES) this.samples.shift();
    } else {
      last.least = Math.max(last.least, least);
      last.most = Math.min(last.most, most);
    }
  }

  /** The server's time, ms since 1970; the device's own without a sample. */
  now(): number {
    const wall = this.wall();
    const behind = this.behind(wall);
    return behind === undefined ? wall : wall + behind;
  }

  /** All that was heard so far may have been held up by the same thing. */
  private get mayBeOneStall(): boolean {
    return this.latestAt - (this.samples[0]?.at ?? 0) < TOGETHER_MS;
  }

  /** How far the device's clock is behind the server's; undefined if it is right as far as anyone can tell. */
  private behind(wall: number): number | undefined {
    const ours = wall - this.monotonic();
    let least = Number.NEGATIVE_INFINITY;
    let most = Number.POSITIVE_INFINITY;
    for (const sample of this.samples) {
      least = Math.max(least, sample.least - ours);
      most = Math.min(most, sample.most - ours);
    }
    const isRight =
      Math.abs(least) <= AGREES_MS ||
      (least < 0 && (most >= -AGREES_MS || (least >= -LONGEST_STALL_MS && this.mayBeOneStall)));
    return isRight ? undefined : Math.round(least);
  }
}
