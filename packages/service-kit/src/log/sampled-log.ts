import type { Logger } from './logger.js';

/**
 * A log for frequent lines: it writes a limited number per second, and then the number of omitted lines. If LOG_LEVEL disables the level, a
 * call costs one comparison; check `isOn` before building the fields.
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

  /** Whether the level is enabled. */
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
    this.logger[this.level]({ suppressed }, 'omitted log lines above the limit per second');
  }
}
