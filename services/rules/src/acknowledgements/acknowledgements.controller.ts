import { type Answer, parseAnswer } from '@lamplighter/contracts/commands/command';
import { FILTERS, parseTopic } from '@lamplighter/contracts/topics';
import {
  type AcknowledgementOutcome,
  acknowledgeCommands,
} from '@lamplighter/store/delivery/acknowledge-commands';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { confirmEdgeRules, type EdgeConfirmation } from '@lamplighter/store/edge/edge-settings';
import { shardOf } from '@lamplighter/store/keys';
import type { Redis } from '@lamplighter/store/redis/connect';
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { DispatchService } from '../commands/dispatch.service.js';
import { RulesCommandRecorder } from '../commands/rules-command-recorder.js';
import { wakeUntilStored } from '../commands/wake-until-stored.js';
import { edgeConfirmations } from '../edge/edge-confirmations.js';
import { RulesMetrics } from '../metrics.js';
import type { MqttMessage } from '../mqtt/messages.js';
import type { Subscription } from '../mqtt/mqtt-transport.js';
import { OutageLog } from '../store-access/outage-log.js';
import { untilStored } from '../store-access/until-stored.js';
import { REDIS } from '../tokens.js';
import { UnreadAcknowledgements } from './unread-acknowledgements.service.js';

// One batch at a time keeps a device's `acknowledged` before its `succeeded`.
const SUBSCRIPTION: Subscription = {
  link: 'commands',
  shared: true,
  includesRetained: false,
  maxBatch: 500,
  concurrency: 1,
  holdsLink: false,
};

/** Devices' answers to commands. */
@Controller()
export class AcknowledgementsController {
  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly metrics: RulesMetrics,
    private readonly outages: OutageLog,
    private readonly recorder: RulesCommandRecorder,
    private readonly dispatch: DispatchService,
    private readonly unread: UnreadAcknowledgements,
  ) {}

  @EventPattern(FILTERS.acknowledgements, SUBSCRIPTION)
  async record(@Payload() batch: readonly MqttMessage[]): Promise<void> {
    const answers = batch.flatMap((message) => this.read(message));
    if (answers.length === 0) return;
    const store = (some: readonly (typeof answers)[number][]) =>
      this.metrics.storeCall('answer', () => acknowledgeCommands(this.redis, some));
    const outcomes = await untilStored(answers, store, {
      onRetry: (error) => this.outages.writeFailed(error),
      onPoison: ({ fleet, name: device }, error) => this.outages.inputDropped({ fleet, device }, error),
    });
    const confirmed = edgeConfirmations(answers, outcomes);
    if (confirmed.length > 0) await this.confirm(confirmed);
    for (const [i, answer] of answers.entries()) this.recordOutcome(answer, outcomes[i]!);
    const due = answers.filter((_, i) => {
      const outcome = outcomes[i]!;
      return outcome !== 'failed' && outcome.nextIsDue;
    });
    this.dispatch.wake(due.map(({ fleet, name }) => shardOf(fleet, name)));
    const back = answers.filter((_, i) => {
      const outcome = outcomes[i]!;
      return outcome !== 'failed' && outcome.isBack;
    });
    if (back.length > 0) {
      const devices = back.map(({ fleet, name }) => new DeviceAddress(fleet, name, false));
      // Not awaited: the answers are stored.
      void wakeUntilStored(this.redis, devices, this.metrics, this.outages);
    }
  }

  /** Before the PUBACK: the broker would not deliver the acknowledgement again after it. */
  private async confirm(confirmed: readonly EdgeConfirmation[]): Promise<void> {
    const store = async (some: readonly EdgeConfirmation[]) => {
      await confirmEdgeRules(this.redis, some);
      return some.map(() => undefined);
    };
    await untilStored(confirmed, store, {
      onRetry: (error) => this.outages.writeFailed(error),
      onPoison: ({ fleet, device }, error) => this.outages.inputDropped({ fleet, device }, error),
    });
  }

  private read(message: MqttMessage) {
    const { topic, payload, traceparent, delivery } = message;
    if (delivery === 'retained') {
      // Of any age: the command that it answers has long been answered, or is asked about again.
      this.metrics.answers.inc({ result: 'retained' });
      return [];
    }
    const parsed = parseTopic(topic);
    const answer = parseAnswer(payload);
    if (parsed === undefined || answer === undefined) {
      this.unread.refuseMalformed(message);
      return [];
    }
    if (answer.result !== undefined) this.unread.suspectHuge(message);
    const { fleet, device } = parsed;
    return [{ fleet, name: device, device: `${fleet}/${device}`, answer, cause: 'device', traceparent }];
  }

  private recordOutcome(answer: ReadAcknowledgement, answered: AcknowledgementOutcome | 'failed'): void {
    if (answered === 'failed') return;
    const { outcome, source, ageMs, aborted } = answered;
    const { fleet, name: device, traceparent } = answer;
    const subject = { id: answer.answer.id, fleet, device, traceparent };
    this.recorder.logStep('answered', subject, { state: outcome });
    if (outcome === 'repeated' || outcome === 'late' || outcome === 'missing' || outcome === 'foreign') {
      this.metrics.answers.inc({ result: outcome });
      if (outcome === 'missing' || outcome === 'foreign')
        this.unread.refuseUnknown(fleet, device, answer.answer, outcome === 'foreign');
      return;
    }
    this.metrics.answers.inc({ result: 'recorded' });
    if (outcome !== 'acknowledged') this.metrics.roundtrip.observe({ source }, ageMs / 1000);
    this.recorder.recordTransition(outcome, source, subject);
    this.recorder.recordCancelled(source, subject, aborted);
  }
}

/** An answer, who gave it, and the trace that it carries. */
interface ReadAcknowledgement {
  readonly fleet: string;
  readonly name: string;
  readonly answer: Answer;
  readonly traceparent: string | undefined;
}
