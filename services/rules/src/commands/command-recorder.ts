import { type Action, type CommandState, FINAL_STATES } from '@lamplighter/contracts/commands/command';
import { traceIdOf } from '@lamplighter/contracts/trace-context';
import { CommandLog, type CommandStep } from '@lamplighter/service-kit/command-log';
import type { Logger } from '@lamplighter/service-kit/logger';
import type { EnqueueOutcome } from '@lamplighter/store/commands/emitted-command';
import type { CommandSource } from '@lamplighter/store/commands/read-commands';
import type { Superseded } from '@lamplighter/store/commands/superseded';
import { Inject, Injectable } from '@nestjs/common';
import { LiveEventsService } from '../live-events/live-events.service.js';
import { RulesMetrics } from '../metrics.js';
import { LOGGER } from '../tokens.js';

type Source = CommandSource['source'];

/** A command, its device, and the trace that it belongs to. */
export interface Subject {
  readonly id: string;
  readonly fleet: string;
  readonly device: string;
  readonly traceparent?: string | undefined;
  /** For live views; read from the store where it is not at hand. */
  readonly action?: Action | undefined;
}

/** What else the log says of it. */
interface Details {
  readonly state?: string;
  readonly cause?: string;
  readonly attempt?: number;
}

const FINAL: ReadonlySet<string> = new Set(FINAL_STATES);

/** Tells what becomes of commands: counted in the metrics, shown to live views, and followed in the log at level DEBUG. */
@Injectable()
export class CommandRecorder {
  private readonly log: CommandLog;

  constructor(
    @Inject(LOGGER) logger: Logger,
    private readonly metrics: RulesMetrics,
    private readonly events: LiveEventsService,
  ) {
    this.log = new CommandLog(logger);
  }

  /** Whether anybody follows commands in the log; ask before `follow` on the hot path. */
  get isFollowed(): boolean {
    return this.log.isOn;
  }

  /** A rule has emitted a command; the store took it, or its queue was full. Of these live views show only what they ended. */
  emitted(subject: Subject, { state, superseded, unknown }: EmitOutcome, cause: string): void {
    if (this.isFollowed) this.follow('emitted', subject, { state, cause });
    if (state === 'needless') return;
    if (state === 'full') {
      this.metrics.dropped.inc({ reason: 'queue_full' });
      return;
    }
    this.metrics.commands.inc({ transition: 'pending', source: 'rule' });
    if (state === 'dispatched') this.metrics.commands.inc({ transition: 'dispatched', source: 'rule' });
    this.overtook('rule', subject, { superseded, unknown });
  }

  /** A command was taken by the store, which ended others of its lane. */
  taken(source: Source, subject: Subject, overtaken: Superseded): void {
    this.became('pending', source, subject);
    this.overtook(source, subject, overtaken);
  }

  /** A command has come into a state. */
  became(state: CommandState, source: Source, subject: Subject, details: Details = {}): void {
    const { id, fleet, device, action } = subject;
    this.metrics.commands.inc({ transition: state, source });
    this.events.append([{ type: 'command', fleet, device, command: id, state, ...(action && { action }) }]);
    if (state === 'pending') this.follow('emitted', subject, { ...details, state });
    else if (FINAL.has(state)) this.follow('ended', subject, { ...details, state });
  }

  /** Commands of one lane that were cancelled because another one failed. */
  aborted(source: Source, { fleet, device }: Omit<Subject, 'id'>, ids: readonly string[]): void {
    for (const id of ids) this.became('cancelled', source, { id, fleet, device });
  }

  /** A step that the metrics and live views hear of otherwise, or not at all. */
  follow(step: CommandStep, { id, fleet, device, traceparent }: Subject, details: Details): void {
    if (!this.log.isOn) return;
    const trace_id = traceparent === undefined ? undefined : traceIdOf(traceparent);
    this.log.logStep(step, { command: id, fleet, device, trace_id, ...details });
  }

  private overtook(
    source: Source,
    { fleet, device }: Omit<Subject, 'id'>,
    { superseded, unknown }: Superseded,
  ): void {
    for (const id of superseded) this.became('superseded', source, { id, fleet, device });
    for (const id of unknown) this.became('unknown', source, { id, fleet, device });
  }
}

type EmitOutcome = Pick<EnqueueOutcome, 'state' | 'superseded' | 'unknown'>;
