import { type Acknowledgement, parseAcknowledgement } from '@lamplighter/contracts/commands/command';
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
import { DeviceWaker } from '../commands/device-waker.service.js';
import { DispatchService } from '../commands/dispatch.service.js';
import { RulesCommandRecorder } from '../commands/rules-command-recorder.js';
import { edgeConfirmations } from '../edge/edge-confirmations.js';
import { RulesMetrics } from '../metrics.js';
import type { MqttMessage } from '../mqtt/messages.js';
import type { Subscription } from '../mqtt/mqtt-transport.js';
import { OutageLog } from '../store-access/outage-log.js';
import { untilStored } from '../store-access/until-stored.js';
import { REDIS } from '../tokens.js';
import { InvalidAcknowledgements } from './invalid-acknowledgements.service.js';

// One batch at a time keeps a device's `acknowledged` before its `succeeded`.
const SUBSCRIPTION: Subscription = {
  link: 'commands',
  shared: true,
  includesRetained: false,
  maxBatch: 500,
  concurrency: 1,
  holdsLink: false,
};

/** Devices' acknowledgements of commands. */
@Controller()
export class AcknowledgementsController {
  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly metrics: RulesMetrics,
    private readonly outages: OutageLog,
    private readonly recorder: RulesCommandRecorder,
    private readonly dispatch: DispatchService,
    private readonly waker: DeviceWaker,
    private readonly invalid: InvalidAcknowledgements,
  ) {}

  @EventPattern(FILTERS.acknowledgements, SUBSCRIPTION)
  async record(@Payload() batch: readonly MqttMessage[]): Promise<void> {
    const acknowledgements = batch.flatMap((message) => this.read(message));
    if (acknowledgements.length === 0) return;
    const store = (some: readonly (typeof acknowledgements)[number][]) =>
      this.metrics.storeCall('answer', () => acknowledgeCommands(this.redis, some));
    const outcomes = await untilStored(acknowledgements, store, {
      onRetry: (error) => this.outages.writeFailed(error),
      onPoison: ({ fleet, name: device }, error) => this.outages.inputDropped({ fleet, device }, error),
    });
    const confirmed = edgeConfirmations(acknowledgements, outcomes);
    if (confirmed.length > 0) await this.confirm(confirmed);
    for (const [i, acknowledgement] of acknowledgements.entries())
      this.recordOutcome(acknowledgement, outcomes[i]!);
    const due = acknowledgements.filter((_, i) => {
      const outcome = outcomes[i]!;
      return outcome !== 'failed' && outcome.nextIsDue;
    });
    this.dispatch.wake(due.map(({ fleet, name }) => shardOf(fleet, name)));
    const back = acknowledgements.filter((_, i) => {
      const outcome = outcomes[i]!;
      return outcome !== 'failed' && outcome.isBack;
    });
    this.waker.wake(back.map(({ fleet, name }) => new DeviceAddress(fleet, name, false)));
  }

  /** Awaited before the PUBACK, after which the broker does not deliver the acknowledgement again. */
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
      // Its age is unknown: the command has been acknowledged before, or will be dispatched again.
      this.metrics.acknowledgements.inc({ result: 'retained' });
      return [];
    }
    const parsed = parseTopic(topic);
    const acknowledgement = parseAcknowledgement(payload);
    if (parsed === undefined || acknowledgement === undefined) {
      this.invalid.rejectMalformed(message);
      return [];
    }
    if (acknowledgement.result !== undefined) this.invalid.reportInexact(message);
    const { fleet, device } = parsed;
    return [
      { fleet, name: device, device: `${fleet}/${device}`, acknowledgement, cause: 'device', traceparent },
    ];
  }

  private recordOutcome(
    { fleet, name: device, acknowledgement, traceparent }: ParsedAcknowledgement,
    recorded: AcknowledgementOutcome | 'failed',
  ): void {
    if (recorded === 'failed') return;
    const { outcome, source, ageMs, aborted } = recorded;
    const subject = { id: acknowledgement.id, fleet, device, traceparent };
    this.recorder.logStep('acknowledged', subject, { state: outcome });
    if (outcome === 'repeated' || outcome === 'late' || outcome === 'missing' || outcome === 'foreign') {
      this.metrics.acknowledgements.inc({ result: outcome });
      if (outcome === 'missing' || outcome === 'foreign')
        this.invalid.rejectUnknown(fleet, device, acknowledgement, outcome === 'foreign');
      return;
    }
    this.metrics.acknowledgements.inc({ result: 'recorded' });
    if (outcome !== 'acknowledged') this.metrics.roundtrip.observe({ source }, ageMs / 1000);
    this.recorder.recordTransition(outcome, source, subject);
    this.recorder.recordCancelled(source, subject, aborted);
  }
}

/** An acknowledgement with its device and trace context. */
interface ParsedAcknowledgement {
  readonly fleet: string;
  readonly name: string;
  readonly acknowledgement: Acknowledgement;
  readonly traceparent: string | undefined;
}
