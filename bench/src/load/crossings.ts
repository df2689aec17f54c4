/** A reading that crossed the threshold and whose command has not arrived. */
interface Crossing {
  readonly dark: boolean;
  readonly dueAt: number;
}

/** A crossing and its command: when the reading was due and how long the loop took, in milliseconds. */
export interface Loop {
  readonly dueAt: number;
  readonly latencyMs: number;
}

/**
 * Matches commands to the readings that caused them. A device's crossings alternate between dark and bright, and so must
 * its commands: one that does not fit the oldest open crossing proves that the command for that crossing is missing.
 * If two in a row are missing, the next command is matched to the older one. Its latency is then overstated, never
 * understated, and the number of missing commands remains correct.
 */
export class Crossings {
  readonly loops: Loop[] = [];
  /** Readings that crossed. */
  expected = 0;
  /** Commands that match no open crossing. */
  unexpected = 0;
  private readonly dark: Uint8Array;
  private readonly open: Crossing[][];
  private skipped = 0;

  constructor(devices: number) {
    this.dark = new Uint8Array(devices);
    this.open = Array.from({ length: devices }, () => []);
  }

  isDark(device: number): boolean {
    return this.dark[device] === 1;
  }

  /** Records that the device's next reading, due at `dueAt`, is on the other side of the threshold. */
  cross(device: number, dueAt: number): void {
    this.dark[device]! ^= 1;
    this.expected += 1;
    this.open[device]!.push({ dark: this.isDark(device), dueAt });
  }

  /** Records a command for the device. */
  command(device: number, ledOn: boolean, now: number): void {
    const open = this.open[device];
    if (open?.[0] !== undefined && open[0].dark !== ledOn && open.length > 1) {
      open.shift();
      this.skipped += 1;
    }
    if (open?.[0]?.dark !== ledOn) {
      this.unexpected += 1;
      return;
    }
    const { dueAt } = open.shift()!;
    this.loops.push({ dueAt, latencyMs: now - dueAt });
  }

  /** Crossings without a command: given up, or still open. */
  get missing(): number {
    return this.expected - this.loops.length;
  }

  /** Crossings whose command can still arrive. */
  get openCount(): number {
    return this.missing - this.skipped;
  }
}
