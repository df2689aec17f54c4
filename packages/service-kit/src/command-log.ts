import type { Logger } from './logger.js';
import { SampledLog } from './sampled-log.js';

/** The path of a command, from where it begins to its end; every service uses the same words. */
export type CommandStep = 'issued' | 'emitted' | 'dispatched' | 'answered' | 'ended';

/** What a line about a command holds. The names are those of docs/logs.md. */
export interface CommandNote {
  readonly command: string;
  readonly fleet: string;
  readonly device: string;
  readonly trace_id?: string | undefined;
  readonly attempt?: number | undefined;
  readonly state?: string | undefined;
  readonly cause?: string | undefined;
}

/** Commands that one service tells of in a second; what is left out is counted. */
const PER_SECOND = 200;

/** Follows single commands through the services, at level DEBUG: the same id stands in the lines of all of them. */
export class CommandLog {
  private readonly log: SampledLog;

  constructor(logger: Logger) {
    this.log = new SampledLog(logger, 'debug', PER_SECOND);
  }

  /** Whether anybody wants to know; ask before making a note on the hot path. */
  get isOn(): boolean {
    return this.log.isOn;
  }

  logStep(step: CommandStep, note: CommandNote): void {
    this.log.write(note, `command ${step}`);
  }
}
