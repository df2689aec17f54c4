import type { Logger } from './logger.js';
import { SampledLog } from './sampled-log.js';

/** The steps of a command, in order. */
type CommandStep = 'issued' | 'emitted' | 'dispatched' | 'acknowledged' | 'ended';

/** The fields of a line about a command, as docs/logs.md lists them. */
interface CommandLine {
  readonly command: string;
  readonly fleet: string;
  readonly device: string;
  readonly trace_id?: string | undefined;
  readonly attempt?: number | undefined;
  readonly state?: string | undefined;
  readonly cause?: string | undefined;
}

/** Lines per second and service; the rest is counted. */
const PER_SECOND = 200;

/** Logs the steps of single commands at level DEBUG; the lines of all services carry the same command id. */
export class CommandLog {
  private readonly log: SampledLog;

  constructor(logger: Logger) {
    this.log = new SampledLog(logger, 'debug', PER_SECOND);
  }

  /** Whether the level is on; check it before building a line on the hot path. */
  get isOn(): boolean {
    return this.log.isOn;
  }

  logStep(step: CommandStep, line: CommandLine): void {
    this.log.write(line, `command ${step}`);
  }
}
