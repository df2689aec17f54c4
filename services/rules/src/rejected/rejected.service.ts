import { IDENTITY } from '@lamplighter/contracts/identity';
import type {
  InputFault,
  InputKind,
  InputReason,
  Suspicion,
} from '@lamplighter/contracts/telemetry/input-fault';
import type { Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { type RejectedSample, recordRejected } from '@lamplighter/store/telemetry/rejected';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { RulesMetrics } from '../metrics.js';
import { RulesErrors } from '../rules-errors.js';
import { REDIS } from '../tokens.js';
import { SampleBudget } from './sample-budget.js';

/** Samples per second, and of one topic, so that one device does not take all of them; the counters have every message. */
const SAMPLES_PER_SECOND = 10;
const SAMPLES_PER_TOPIC = 3;
const MAX_TOPIC = 128;
const MAX_PAYLOAD = 200;
const MAX_PROBLEM = 300;

/** A message that is wrong. */
export interface WrongMessage {
  readonly topic: string;
  /** Asked for samples only. */
  readonly payload: Buffer | (() => string);
}

/** Counts input that is refused or suspicious, and keeps a few samples, with what is wrong, where the API can show them. */
@Injectable()
export class RejectedService implements OnApplicationShutdown {
  private readonly budget = new SampleBudget(SAMPLES_PER_SECOND, SAMPLES_PER_TOPIC);
  private samples: RejectedSample[] = [];
  private readonly timer = setInterval(() => this.write(), 1000);

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly metrics: RulesMetrics,
    private readonly unexpected: RulesErrors,
  ) {
    this.timer.unref();
  }

  /**
   * Input is refused.
   * @param explain finds out what is wrong, which may cost more than the refusal: it is called for samples only
   */
  refuse(
    kind: InputKind,
    reason: InputReason,
    message: WrongMessage,
    explain: () => InputFault | undefined,
  ): void {
    this.metrics.inputRejected.inc({ kind, reason });
    if (this.budget.take(message.topic)) this.sample(kind, reason, message, explain());
  }

  /** Input is accepted, and suspicious. */
  suspect(
    kind: InputKind,
    reason: Suspicion,
    message: WrongMessage,
    explain: () => InputFault<Suspicion> | undefined,
  ): void {
    this.metrics.inputSuspicious.inc({ kind, reason });
    if (this.budget.take(message.topic)) this.sample(kind, reason, message, explain(), true);
  }

  /** The broker closed a connection. Every replica hears of it, so each one counts it. */
  closed(reason: InputReason, client: string, problem: string, line: string): void {
    this.metrics.inputRejected.inc({ kind: 'connection', reason });
    if (!this.budget.take(client)) return;
    this.samples.push({
      at: Date.now(),
      kind: 'connection',
      reason,
      client: client.slice(0, MAX_TOPIC),
      problem,
      payload: line.slice(0, MAX_PAYLOAD),
    });
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  private sample(
    kind: InputKind,
    reason: InputReason | Suspicion,
    { topic, payload }: WrongMessage,
    fault: InputFault<string> | undefined,
    accepted = false,
  ): void {
    const [fleet = '', , device = fleet] = topic.replace(/^\//, '').split('/', 3);
    this.samples.push({
      at: Date.now(),
      kind,
      reason,
      ...(accepted && { accepted }),
      ...(IDENTITY.test(fleet) && { fleet }),
      ...(IDENTITY.test(device) && { device }),
      ...(fault?.field !== undefined && { field: fault.field.slice(0, MAX_PAYLOAD) }),
      problem: (fault?.problem ?? 'it breaks a rule of its kind').slice(0, MAX_PROBLEM),
      topic: topic.slice(0, MAX_TOPIC),
      payload: beginningOf(typeof payload === 'function' ? payload() : payload, MAX_PAYLOAD),
    });
  }

  private write(): void {
    const samples = this.samples;
    if (samples.length === 0) return;
    this.samples = [];
    this.metrics
      .storeCall('rejected', () => recordRejected(this.redis, samples))
      .catch((error: unknown) => {
        if (storeFailure(error) === undefined)
          this.unexpected.report('rejected', error, 'cannot store rejected samples; dropping them');
      });
  }
}

/** At most so many characters of a payload; bytes that are no text are shown as U+FFFD. */
export function beginningOf(payload: Buffer | string, length: number): string {
  const text = typeof payload === 'string' ? payload : payload.subarray(0, 4 * length).toString();
  return text.slice(0, length);
}
