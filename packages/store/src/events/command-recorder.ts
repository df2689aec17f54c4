import { type Action, type CommandState, FINAL_STATES } from '@lamplighter/contracts/commands/command';
import { traceIdOf } from '@lamplighter/contracts/trace-context';
import type { CommandSource } from '../commands/read-commands.js';
import type { Superseded } from '../commands/superseded.js';
import type { LiveEvent } from './events.js';

type Source = CommandSource['source'];
type Step = 'issued' | 'emitted' | 'dispatched' | 'acknowledged' | 'ended';

/** A command, its device and the trace it belongs to. */
export interface RecordedCommand {
  readonly id: string;
  readonly fleet: string;
  readonly device: string;
  readonly traceparent?: string | undefined;
  /** For live views; read from the store if undefined. */
  readonly action?: Action | undefined;
}

type Address = Pick<RecordedCommand, 'fleet' | 'device'>;

/** Further fields of a log line. */
interface LogDetails {
  readonly state?: string;
  readonly cause?: string;
  readonly attempt?: number;
}

/** Where a service records the life of commands. */
export interface CommandSinks {
  readonly transitions: { inc(labels: { transition: CommandState; source: Source }): void };
  readonly events: { append(events: readonly LiveEvent[]): void };
  readonly log: {
    readonly isOn: boolean;
    logStep(
      step: Step,
      line: LogDetails & Address & { readonly command: string; readonly trace_id?: string | undefined },
    ): void;
  };
}

const FINAL: ReadonlySet<string> = new Set(FINAL_STATES);

/** Records transitions of commands as metrics, as live events and, at level DEBUG, in the log. */
export class CommandRecorder {
  constructor(private readonly sinks: CommandSinks) {}

  /** Whether steps are logged; check it before calling `logStep` on the hot path. */
  get isLogging(): boolean {
    return this.sinks.log.isOn;
  }

  /**
   * A command was enqueued and ended earlier ones of its lane.
   * @param step `issued` by a client, or `emitted` by the service itself
   */
  recordEnqueued(
    source: Source,
    command: RecordedCommand,
    superseded: Superseded,
    step: Extract<Step, 'issued' | 'emitted'> = 'emitted',
  ): void {
    this.count('pending', source, command);
    this.logStep(step, command, { state: 'pending' });
    this.recordSuperseded(source, command, superseded);
  }

  /** A command has entered a state. */
  recordTransition(
    state: CommandState,
    source: Source,
    command: RecordedCommand,
    details: Pick<LogDetails, 'cause' | 'attempt'> = {},
  ): void {
    this.count(state, source, command);
    if (FINAL.has(state)) this.logStep('ended', command, { ...details, state });
  }

  /** Commands of one lane were cancelled because an earlier one failed. */
  recordCancelled(source: Source, { fleet, device }: Address, ids: readonly string[]): void {
    for (const id of ids) this.recordTransition('cancelled', source, { id, fleet, device });
  }

  /** A command took the place of earlier ones of its lane. */
  recordSuperseded(
    source: Source,
    { id: by, fleet, device }: RecordedCommand,
    { superseded, unknown }: Superseded,
  ): void {
    const details = { cause: `superseded:${by}` };
    for (const id of superseded) this.recordTransition('superseded', source, { id, fleet, device }, details);
    for (const id of unknown) this.recordTransition('unknown', source, { id, fleet, device }, details);
  }

  /** Logs a step without counting it. */
  logStep(step: Step, { id, fleet, device, traceparent }: RecordedCommand, details: LogDetails = {}): void {
    if (!this.isLogging) return;
    const trace_id = traceparent === undefined ? undefined : traceIdOf(traceparent);
    this.sinks.log.logStep(step, { command: id, fleet, device, trace_id, ...details });
  }

  private count(state: CommandState, source: Source, { id, fleet, device, action }: RecordedCommand): void {
    this.sinks.transitions.inc({ transition: state, source });
    this.sinks.events.append([
      { type: 'command', fleet, device, command: id, state, ...(action && { action }) },
    ]);
  }
}
