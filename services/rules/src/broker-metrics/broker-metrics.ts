import { type Metrics, show } from '@lamplighter/service-kit/metrics';
import type { Counter, Gauge } from 'prom-client';
import { type ClosedConnection, closedConnection } from './broker-log.js';
import { Takeovers } from './takeovers.js';

/** Notices and errors of the broker's log; it is set up to tell them. A takeover is an error to it, an oversize packet a notice. */
const LOGS = ['$SYS/broker/log/N', '$SYS/broker/log/E'];
/** What Mosquitto 2 writes when it refuses a connection; 2.0.11 with a comma, later ones with a colon. */
const REFUSED = / disconnected[,:] not authorised\.$/;

/**
 * What the broker tells of itself on `$SYS`. Its counters begin again at 0 when it restarts, like those of any process. While
 * the broker is unavailable there are no values, and the age of the newest one tells since when.
 */
export class BrokerMetrics {
  private readonly byTopic = new Map<string, Gauge | Counter>();
  private readonly refused: Counter<'kind'>;
  private readonly takeovers = new Takeovers();
  private newestAt = performance.now();

  constructor(private readonly metrics: Metrics) {
    this.gauge('clients/connected', 'broker_clients', 'Clients that are connected to the broker');
    this.gauge('clients/disconnected', 'broker_sessions_waiting', 'Sessions kept for clients that are away');
    this.gauge('subscriptions/count', 'broker_subscriptions', 'Subscriptions at the broker');
    this.gauge('retained messages/count', 'broker_retained', 'Retained messages, those of $SYS included');
    this.gauge('store/messages/count', 'broker_stored_messages', 'Messages that the broker holds');
    this.gauge('store/messages/bytes', 'broker_stored_bytes', 'Payloads that the broker holds');
    this.gauge('heap/current', 'broker_heap_bytes', 'Memory that the broker has allocated');
    this.gauge('uptime', 'broker_uptime_seconds', 'Time since the broker started');
    this.counter('messages/received', 'broker_messages_received_total', 'MQTT packets received, of any kind');
    this.counter('messages/sent', 'broker_messages_sent_total', 'MQTT packets sent, of any kind');
    this.counter('publish/messages/received', 'broker_publish_received_total', 'PUBLISH packets received');
    this.counter('publish/messages/sent', 'broker_publish_sent_total', 'PUBLISH packets sent');
    this.counter(
      'publish/messages/dropped',
      'broker_publish_dropped_total',
      'Messages that the broker dropped, since a queue or its memory was full',
    );
    this.counter('bytes/received', 'broker_received_bytes_total', 'Bytes received');
    this.counter('bytes/sent', 'broker_sent_bytes_total', 'Bytes sent');
    this.refused = metrics.counter(
      'auth_failures_total',
      'Connections that the broker refused, by its log: a wrong password, or none',
      { kind: ['mqtt'] },
    );
    metrics.gauge(
      'broker_contested_clients',
      'Client ids that were taken over three times or more within five minutes: two clients with one id',
      [],
      (gauge) => gauge.set(this.takeovers.contested(performance.now())),
    );
    metrics.gauge(
      'broker_sys_age_seconds',
      'Time since the broker last told of itself, or since the start',
      [],
      (gauge) => gauge.set((performance.now() - this.newestAt) / 1000),
    );
    this.forget();
  }

  /** The topics to subscribe to; nothing else of `$SYS` is listened to. */
  get topics(): string[] {
    return [...this.byTopic.keys(), ...LOGS];
  }

  /**
   * Takes a value as the broker tells it: a number, perhaps with its unit after it (`12 seconds`). Or a line of its log.
   * @returns the connection that a line of the log tells of
   */
  learn(topic: string, text: string): ClosedConnection | undefined {
    if (LOGS.includes(topic)) return this.read(text);
    const metric = this.byTopic.get(topic);
    const [number = ''] = text.split(' ', 1);
    const value = Number(number);
    if (metric === undefined || number === '' || !Number.isFinite(value) || value < 0) return undefined;
    show(metric, value);
    this.newestAt = performance.now();
    return undefined;
  }

  private read(line: string): ClosedConnection | undefined {
    if (REFUSED.test(line)) this.refused.inc({ kind: 'mqtt' });
    const closed = closedConnection(line);
    if (closed?.reason === 'takeover') this.takeovers.record(closed.client, performance.now());
    return closed;
  }

  /** Nobody tells any more. */
  forget(): void {
    for (const metric of this.byTopic.values()) show(metric, undefined);
  }

  private gauge(topic: string, name: string, help: string): void {
    this.byTopic.set(`$SYS/broker/${topic}`, this.metrics.gauge(name, help));
  }

  private counter(topic: string, name: string, help: string): void {
    this.byTopic.set(`$SYS/broker/${topic}`, this.metrics.counter(name, help));
  }
}
