import type { Logger } from './logger.js';

/**
 * Lines that may come as often as messages do: so many per second are written, and one more line tells how many were left out.
 * Switched off by LOG_LEVEL it costs the comparison of two numbers; ask `isOn` before making the fields.
 */
export class SampledLog {
  private readonly value: number;
  private second = 0;
  private written = 0;
  private suppressed = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly logger: Logger,
    private readonly level: 'error' | 'warn' | 'debug',
    private readonly perSecond: number,
  ) {
    this.value = logger.levels.values[level]!;
  }

  /** Whether a line would be written at all. */
  get isOn(): boolean {
    return this.logger.levelVal <= this.value;
  }

  write(fields: object, message: string): void {
    if (!this.isOn) return;
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.second) {
      this.second = second;
      this.written = 0;
    }
    if (this.written < this.perSecond) {
      this.written += 1;
      this.logger[this.level](fields, message);
      return;
    }
    this.suppressed += 1;
    this.timer ??= setTimeout(() => this.writeSuppressed(), 1000 - (performance.now() % 1000)).unref();
  }

  private writeSuppressed(): void {
    const { suppressed } = this;
    this.suppressed = 0;
    this.timer = undefined;
    this.logger[this.level]({ suppressed }, 'lines were left out, for there were too many in a second');
  }
}
