import { IDENTITY } from '@lamplighter/contracts/identity';
import type {
  InputFault,
  InputKind,
  InputReason,
  Suspicion,
} from '@lamplighter/contracts/telemetry/input-fault';
import type { Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { type RejectedSample, recordRejected } from '@lamplighter/store/rejected/rejected';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { RulesMetrics } from '../metrics.js';
import { withoutClientIds } from '../mqtt/durable-client-id.js';
import { RulesErrors } from '../rules-errors.js';
import { REDIS } from '../tokens.js';
import { SampleBudget } from './sample-budget.js';

/** Samples per second, and per topic, so that one device does not use all of them. Metrics count every message. */
const SAMPLES_PER_SECOND = 10;
const SAMPLES_PER_TOPIC = 3;
const MAX_TOPIC = 128;
const MAX_PAYLOAD = 200;
const MAX_PROBLEM = 300;

/** A rejected or suspicious message. */
export interface FaultyMessage {
  readonly topic: string;
  /** A function is called only for samples. */
  readonly payload: Buffer | (() => string);
}

/** Counts rejected and suspicious input, and stores samples with their fault for the API. */
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
   * Records rejected input.
   * @param explain determines the fault, which may be expensive: it is called only for samples
   */
  reject(
    kind: InputKind,
    reason: InputReason,
    message: FaultyMessage,
    explain: () => InputFault | undefined,
  ): void {
    this.metrics.inputRejected.inc({ kind, reason });
    this.sampleRejected(kind, reason, message, explain);
  }

  /** Stores a sample of rejected input that is counted elsewhere. */
  sampleRejected(
    kind: InputKind,
    reason: InputReason,
    message: FaultyMessage,
    explain: () => InputFault | undefined,
  ): void {
    if (this.budget.take(message.topic)) this.sample(kind, reason, message, explain());
  }

  /** Records input that is accepted but suspicious. */
  suspect(
    kind: InputKind,
    reason: Suspicion,
    message: FaultyMessage,
    explain: () => InputFault<Suspicion> | undefined,
  ): void {
    this.metrics.inputSuspicious.inc({ kind, reason });
    if (this.budget.take(message.topic)) this.sample(kind, reason, message, explain(), true);
  }

  /** Records a connection that the broker closed. Every replica receives the log line and counts it. */
  recordClosedConnection(reason: InputReason, client: string, problem: string, line: string): void {
    this.metrics.inputRejected.inc({ kind: 'connection', reason });
    if (!this.budget.take(client)) return;
    this.samples.push({
      at: Date.now(),
      kind: 'connection',
      reason,
      client: withoutClientIds(client).slice(0, MAX_TOPIC),
      problem,
      payload: withoutClientIds(line).slice(0, MAX_PAYLOAD),
    });
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  private sample(
    kind: InputKind,
    reason: InputReason | Suspicion,
    { topic, payload }: FaultyMessage,
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
      problem: (fault?.problem ?? 'the message is invalid').slice(0, MAX_PROBLEM),
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

/** The first characters of a payload; bytes that are not UTF-8 become U+FFFD. */
export function beginningOf(payload: Buffer | string, length: number): string {
  const text = typeof payload === 'string' ? payload : payload.subarray(0, 4 * length).toString();
  return text.slice(0, length);
}
