import { CommandLog } from '@lamplighter/service-kit/log/command-log';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import type { EnqueueOutcome } from '@lamplighter/store/commands/emitted-command';
import { CommandRecorder, type RecordedCommand } from '@lamplighter/store/events/command-recorder';
import { Inject, Injectable } from '@nestjs/common';
import { LiveEventsService } from '../live-events/live-events.service.js';
import { RulesMetrics } from '../metrics.js';
import { LOGGER } from '../tokens.js';

/** Records transitions of commands, and the commands of rules, including those that the store rejected. */
@Injectable()
export class RulesCommandRecorder extends CommandRecorder {
  constructor(
    @Inject(LOGGER) logger: Logger,
    private readonly metrics: RulesMetrics,
    events: LiveEventsService,
  ) {
    super({ transitions: metrics.commands, events, log: new CommandLog(logger) });
  }

  /** Records the store's outcome for a rule's command. Live views get only the commands that it superseded. */
  recordEmitted(
    command: RecordedCommand,
    { state, superseded, unknown }: Pick<EnqueueOutcome, 'state' | 'superseded' | 'unknown'>,
    cause: string,
  ): void {
    if (this.isLogging) this.logStep('emitted', command, { state, cause });
    if (state === 'needless') return;
    if (state === 'full') {
      this.metrics.dropped.inc({ reason: 'queue_full' });
      return;
    }
    this.metrics.commands.inc({ transition: 'pending', source: 'rule' });
    if (state === 'dispatched') this.metrics.commands.inc({ transition: 'dispatched', source: 'rule' });
    this.recordSuperseded('rule', command, { superseded, unknown });
  }
}
