import {
  type Acknowledgement,
  acknowledgementFault,
  acknowledgementId,
  acknowledgementReason,
} from '@lamplighter/contracts/commands/command';
import type { InputFault } from '@lamplighter/contracts/telemetry/input-fault';
import { inexactFault } from '@lamplighter/contracts/telemetry/reading-fault';
import { topicFault } from '@lamplighter/contracts/telemetry/topic-fault';
import { deviceTopic, parseTopic } from '@lamplighter/contracts/topics';
import {
  type InvalidReport,
  recordInvalidAcknowledgements,
} from '@lamplighter/store/commands/invalid-acknowledgements';
import type { Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { Inject, Injectable } from '@nestjs/common';
import { RulesMetrics } from '../metrics.js';
import type { MqttMessage } from '../mqtt/messages.js';
import { beginningOf, RejectedService } from '../rejected/rejected.service.js';
import { SampleBudget } from '../rejected/sample-budget.js';
import { RulesErrors } from '../rules-errors.js';
import { REDIS } from '../tokens.js';

/** Records per second of this replica, and per device: two acknowledgements, each sent twice. */
const RECORDS_PER_SECOND = 50;
const RECORDS_PER_DEVICE = 4;
const MAX_PAYLOAD = 100;
/** A cheap test for integers beyond 2^53, before the exact one. */
const MANY_DIGITS = /\d{16}/;

/**
 * Rejects acknowledgements that cannot be read. Such an acknowledgement does not count, so the command is dispatched again, but the
 * command then shows that it arrived and what is wrong with it.
 */
@Injectable()
export class InvalidAcknowledgements {
  private readonly budget = new SampleBudget(RECORDS_PER_SECOND, RECORDS_PER_DEVICE);

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly metrics: RulesMetrics,
    private readonly unexpected: RulesErrors,
    private readonly rejected: RejectedService,
  ) {}

  /** Rejects a payload that is not an acknowledgement. */
  rejectMalformed(message: MqttMessage): void {
    const { topic, payload } = message;
    this.metrics.acknowledgements.inc({ result: 'malformed' });
    if (parseTopic(topic) === undefined) {
      this.rejected.reject('acknowledgement', topicFault(topic).reason, message, () => topicFault(topic));
      return;
    }
    this.rejected.reject('acknowledgement', acknowledgementReason(payload), message, () =>
      acknowledgementFault(payload),
    );
    this.record(topic, () => ({ ...acknowledgementFault(payload), id: acknowledgementId(payload), payload }));
  }

  /** Rejects an acknowledgement of an unknown command, or of another device's command. */
  rejectUnknown(fleet: string, device: string, acknowledgement: Acknowledgement, isForeign: boolean): void {
    const topic = deviceTopic(fleet, 'acknowledgements', device);
    const short = JSON.stringify(acknowledgement.id.toWellFormed());
    const payload = () => JSON.stringify(acknowledgement);
    const fault: InputFault = {
      reason: 'unknown_command',
      field: '/id',
      problem: isForeign
        ? `\`id\` ${short} belongs to a command of another device`
        : `\`id\` ${short} is unknown or no longer stored; use the \`id\` from \`_cmd\` of the command`,
    };
    this.rejected.reject('acknowledgement', 'unknown_command', { topic, payload }, () => fault);
    this.record(topic, () => ({ ...fault, id: undefined, payload: payload() }));
  }

  /** Reports an accepted acknowledgement whose result contains an integer beyond 2^53. */
  reportInexact(message: MqttMessage): void {
    if (!MANY_DIGITS.test(message.payload.toString('latin1'))) return;
    const fault = inexactFault(message.payload);
    if (fault !== undefined) this.rejected.suspect('acknowledgement', 'inexact', message, () => fault);
  }

  /** Records a fault in the background; if Redis is unavailable, it is dropped. */
  private record(
    topic: string,
    explain: () => InputFault & { id: string | undefined; payload: Buffer | string },
  ): void {
    const parsed = parseTopic(topic);
    if (parsed === undefined || !this.budget.take(topic)) return;
    const { field, problem, id, payload } = explain();
    const { fleet, device } = parsed;
    const report: InvalidReport = {
      fleet,
      device,
      id,
      field,
      problem,
      payload: beginningOf(payload, MAX_PAYLOAD),
    };
    this.metrics
      .storeCall('answer', () => recordInvalidAcknowledgements(this.redis, [report]))
      .catch((error: unknown) => {
        if (storeFailure(error) === undefined)
          this.unexpected.report('rejected', error, 'cannot record an invalid acknowledgement; dropping it');
      });
  }
}
