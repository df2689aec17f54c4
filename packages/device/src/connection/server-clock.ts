/** Bounds of the server's time from commands that arrived together. */
interface Sample {
  /** Arrival of the first command; monotonic, milliseconds. */
  readonly at: number;
  /** Lower bound of the server's time minus the monotonic clock, milliseconds: assumes no delay. */
  minOffset: number;
  /** Upper bound: assumes the longest possible delay from the broker. */
  maxOffset: number;
}

/** A clock within this tolerance is correct; message expiry has a resolution of one second. */
const TOLERANCE_MS = 2000;
/** Number of samples kept. Few, so that the estimate follows a drifting clock. */
const SAMPLES = 8;
/** Commands that arrive within this time form one sample, milliseconds, so that a burst after a stall does not evict all others. */
const SAMPLE_MS = 2000;
/** Longest stall before a keep-alive closes a connection (1.5 times 30 s), milliseconds. */
const LONGEST_STALL_MS = 45_000;
/** Messages held by one stall arrive within this time, milliseconds. */
const STALL_WINDOW_MS = 10_000;

/**
 * Estimates the server's time on a device. The broker counts down the message expiry of a command, so `deliverBy` minus the seconds left is
 * the server time at which the command was sent. A command may arrive later, never earlier, so the largest of the last samples is the best
 * estimate. A delayed command looks like a device clock that is ahead. If in doubt, the device clock is assumed correct: a late command is
 * then rejected, never executed. Two bounds separate the cases:
 *
 * - The longest possible delay from the broker, from the broker's responses to the device.
 * - The longest stall on the way to the broker, which the device cannot observe: a clock that seems ahead by less than that counts as correct
 *   until commands have arrived some time apart.
 *
 * Samples use the monotonic clock, so setting the device clock does not invalidate them.
 */
export class ServerClock {
  private readonly samples: Sample[] = [];
  /** Arrival of the latest command; monotonic, milliseconds. */
  private latestAt = 0;

  /**
   * @param wall clock of the device, milliseconds since 1970
   * @param monotonic monotonic clock, milliseconds
   */
  constructor(
    private readonly wall: () => number = Date.now,
    private readonly monotonic: () => number = () => performance.now(),
  ) {}

  /**
   * Adds a sample from a command that has just arrived.
   * @param serverTime server time at which it was sent: `deliverBy` minus the seconds left
   * @param delay upper bound of the time since then, milliseconds
   */
  observe(serverTime: number, delay: number): void {
    const at = this.monotonic();
    this.latestAt = at;
    const least = serverTime - at;
    const most = least + delay;
    const last = this.samples.at(-1);
    if (last === undefined || at - last.at >= SAMPLE_MS) {
      this.samples.push({ at, minOffset: least, maxOffset: most });
      if (this.samples.length > SAMPLES) this.samples.shift();
    } else {
      last.minOffset = Math.max(last.minOffset, least);
      last.maxOffset = Math.min(last.maxOffset, most);
    }
  }

  /** Estimated server time, milliseconds since 1970; the device clock if there is no sample. */
  now(): number {
    const wall = this.wall();
    const behind = this.behind(wall);
    return behind === undefined ? wall : wall + behind;
  }

  /** Whether one stall may have delayed all commands so far. */
  private get couldBeOneStall(): boolean {
    return this.latestAt - (this.samples[0]?.at ?? 0) < STALL_WINDOW_MS;
  }

  /** How far the device clock is behind the server's, milliseconds; undefined if it counts as correct. */
  private behind(wall: number): number | undefined {
    const ours = wall - this.monotonic();
    let least = Number.NEGATIVE_INFINITY;
    let most = Number.POSITIVE_INFINITY;
    for (const sample of this.samples) {
      least = Math.max(least, sample.minOffset - ours);
      most = Math.min(most, sample.maxOffset - ours);
    }
    const isRight =
      Math.abs(least) <= TOLERANCE_MS ||
      (least < 0 && (most >= -TOLERANCE_MS || (least >= -LONGEST_STALL_MS && this.couldBeOneStall)));
    return isRight ? undefined : Math.round(least);
  }
}
