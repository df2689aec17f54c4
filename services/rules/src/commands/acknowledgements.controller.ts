import { type Answer, FINAL_STATES, parseAnswer } from '@lamplighter/contracts/command';
import { FILTERS, parseTopic } from '@lamplighter/contracts/topics';
import { traceIdOf } from '@lamplighter/contracts/trace-context';
import { CommandLog } from '@lamplighter/service-kit/command-log';
import type { Logger } from '@lamplighter/service-kit/logger';
import { type AnswerOutcome, answerCommands } from '@lamplighter/store/commands';
import type { Redis } from '@lamplighter/store/connect';
import { confirmEdgeRules } from '@lamplighter/store/edge-settings';
import type { LiveEvent } from '@lamplighter/store/events';
import { shardOf } from '@lamplighter/store/keys';
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { type EdgeConfirmation, edgeConfirmations } from '../edge/edge-confirmations.js';
import { LiveEventsService } from '../live-events/live-events.service.js';
import { RulesMetrics } from '../metrics.js';
import type { MqttMessage } from '../mqtt/mqtt-link.js';
import type { Subscription } from '../mqtt/mqtt-transport.js';
import { untilStored } from '../telemetry/until-stored.js';
import { LOGGER, REDIS } from '../tokens.js';
import { DispatchService } from './dispatch.service.js';

// One batch at a time keeps a device's `acknowledged` before its `succeeded`.
const SUBSCRIPTION: Subscription = {
  link: 'commands',
  shared: true,
  maxBatch: 500,
  concurrency: 1,
  holdsLink: false,
};

/** Devices' answers to commands. */
@Controller()
export class AcknowledgementsController {
  private readonly log: CommandLog;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(LOGGER) logger: Logger,
    private readonly metrics: RulesMetrics,
    private readonly events: LiveEventsService,
    private readonly dispatch: DispatchService,
  ) {
    this.log = new CommandLog(logger);
  }

  @EventPattern(FILTERS.acknowledgements, SUBSCRIPTION)
  async record(@Payload() batch: readonly MqttMessage[]): Promise<void> {
    const answers = batch.flatMap((message) => this.read(message));
    const outcomes = await untilStored(answers, (some) => answerCommands(this.redis, some), {
      onRetry: (error) => {
        this.metrics.storeOperations.inc({ op: 'answer', result: 'error' });
        this.events.storeFailed(error);
      },
      onPoison: ({ fleet, name: device }, error) => this.events.poisoned({ fleet, device }, error),
    });
    const confirmed = edgeConfirmations(answers, outcomes);
    if (confirmed.length > 0) await this.confirm(confirmed);
    if (answers.length > 0) this.metrics.storeOperations.inc({ op: 'answer', result: 'ok' });
    this.events.append(answers.flatMap((answer, i) => this.tell(answer, outcomes[i]!)));
    const due = answers.filter((_, i) => {
      const outcome = outcomes[i]!;
      return outcome !== 'failed' && outcome.nextIsDue;
    });
    this.dispatch.wake(due.map(({ fleet, name }) => shardOf(fleet, name)));
  }

  /** Before the PUBACK: of an answer that was acknowledged nobody would hear again. */
  private async confirm(confirmed: readonly EdgeConfirmation[]): Promise<void> {
    const store = async (some: readonly EdgeConfirmation[]) => {
      await confirmEdgeRules(this.redis, some);
      return some.map(() => undefined);
    };
    await untilStored(confirmed, store, {
      onRetry: (error) => this.events.storeFailed(error),
      onPoison: ({ fleet, device }, error) => this.events.poisoned({ fleet, device }, error),
    });
  }

  private read({ topic, payload, traceparent }: MqttMessage) {
    const parsed = parseTopic(topic);
    const answer = parseAnswer(payload);
    if (parsed === undefined || answer === undefined) {
      this.metrics.answers.inc({ result: 'malformed' });
      return [];
    }
    const { fleet, device } = parsed;
    return [{ fleet, name: device, device: `${fleet}/${device}`, answer, cause: 'device', traceparent }];
  }

  private tell(told: ReadAnswer, answered: AnswerOutcome | 'failed'): LiveEvent[] {
    if (answered === 'failed') return [];
    const { fleet, name, answer } = told;
    const { outcome, source, ageMs, aborted } = answered;
    if (this.log.isOn) this.note(told, outcome);
    if (outcome === 'repeated' || outcome === 'late' || outcome === 'missing' || outcome === 'foreign') {
      this.metrics.answers.inc({ result: outcome });
      return [];
    }
    this.metrics.answers.inc({ result: 'recorded' });
    this.metrics.commands.inc({ transition: outcome, source });
    if (outcome !== 'acknowledged') this.metrics.roundtrip.observe({ source }, ageMs / 1000);
    this.metrics.commands.inc({ transition: 'cancelled', source }, aborted.length);
    return [
      { type: 'command', fleet, device: name, command: answer.id, state: outcome },
      ...aborted.map(
        (command): LiveEvent => ({ type: 'command', fleet, device: name, command, state: 'cancelled' }),
      ),
    ];
  }

  private note({ fleet, name, answer, traceparent }: ReadAnswer, state: string): void {
    const trace_id = traceparent === undefined ? undefined : traceIdOf(traceparent);
    const note = { command: answer.id, fleet, device: name, trace_id, state };
    this.log.tell('answered', note);
    if (FINAL.has(state)) this.log.tell('ended', note);
  }
}

const FINAL: ReadonlySet<string> = new Set(FINAL_STATES);

/** An answer, who gave it, and the trace that it carries. */
interface ReadAnswer {
  readonly fleet: string;
  readonly name: string;
  readonly answer: Answer;
  readonly traceparent: string | undefined;
}
