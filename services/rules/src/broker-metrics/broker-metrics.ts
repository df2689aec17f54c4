import { type Metrics, show } from '@lamplighter/service-kit/metrics';
import type { Counter, Gauge } from 'prom-client';
import { type ClosedConnection, closedConnection } from './broker-log.js';
import { Takeovers } from './takeovers.js';

/** The broker's log, if it is configured: notices (such as oversize packets) and errors (such as takeovers). */
const LOGS = ['$SYS/broker/log/N', '$SYS/broker/log/E'];
/** The log line of Mosquitto 2 for a refused connection; 2.0.11 uses a comma, later versions a colon. */
const REFUSED = / disconnected[,:] not authorised\.$/;

/**
 * Metrics that the broker publishes on `$SYS`. Its counters restart at 0 with the broker. While the broker is unavailable the metrics have
 * no value, and the age of the newest one grows.
 */
export class BrokerMetrics {
  private readonly byTopic = new Map<string, Gauge | Counter>();
  private readonly refused: Counter<'kind'>;
  private readonly takeovers = new Takeovers();
  private newestAt = performance.now();

  constructor(private readonly metrics: Metrics) {
    this.gauge('clients/connected', 'broker_clients', 'Connected clients of the broker');
    this.gauge(
      'clients/disconnected',
      'broker_sessions_waiting',
      'Disconnected clients with a kept session at the broker',
    );
    this.gauge('subscriptions/count', 'broker_subscriptions', 'Subscriptions at the broker');
    this.gauge('retained messages/count', 'broker_retained', "Retained messages, including the broker's own");
    this.gauge(
      'store/messages/count',
      'broker_stored_messages',
      'Messages that the broker stores, retained or queued',
    );
    this.gauge('store/messages/bytes', 'broker_stored_bytes', 'Size of the messages that the broker stores');
    this.gauge('heap/current', 'broker_heap_bytes', 'Allocated memory of the broker');
    this.gauge('uptime', 'broker_uptime_seconds', 'Uptime of the broker');
    this.counter(
      'messages/received',
      'broker_messages_received_total',
      'MQTT packets that the broker received',
    );
    this.counter('messages/sent', 'broker_messages_sent_total', 'MQTT packets that the broker sent');
    this.counter(
      'publish/messages/received',
      'broker_publish_received_total',
      'Messages that the broker received',
    );
    this.counter('publish/messages/sent', 'broker_publish_sent_total', 'Messages that the broker sent');
    this.counter(
      'publish/messages/dropped',
      'broker_publish_dropped_total',
      'Messages that the broker dropped because a queue or its memory was full',
    );
    this.counter('bytes/received', 'broker_received_bytes_total', 'Bytes that the broker received');
    this.counter('bytes/sent', 'broker_sent_bytes_total', 'Bytes that the broker sent');
    this.refused = metrics.counter(
      'auth_failures_total',
      'Failed logins; mqtt: connections that the broker refused, from its log',
      { kind: ['mqtt'] },
    );
    metrics.gauge(
      'broker_contested_clients',
      'Client ids taken over three times or more within five minutes',
      [],
      (gauge) => gauge.set(this.takeovers.contested(performance.now())),
    );
    metrics.gauge(
      'broker_sys_age_seconds',
      'Time since the last $SYS message, or since the start',
      [],
      (gauge) => gauge.set((performance.now() - this.newestAt) / 1000),
    );
    this.clear();
  }

  /** The topics to subscribe to. */
  get topics(): string[] {
    return [...this.byTopic.keys(), ...LOGS];
  }

  /**
   * Updates the metric of a topic. The value is a number, optionally followed by its unit (`12 seconds`), or a line of the log.
   * @returns the closed connection that a line of the log reports
   */
  update(topic: string, text: string): ClosedConnection | undefined {
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

  /** Removes all values while there is no connection. */
  clear(): void {
    for (const metric of this.byTopic.values()) show(metric, undefined);
  }

  private gauge(topic: string, name: string, help: string): void {
    this.byTopic.set(`$SYS/broker/${topic}`, this.metrics.gauge(name, help));
  }

  private counter(topic: string, name: string, help: string): void {
    this.byTopic.set(`$SYS/broker/${topic}`, this.metrics.counter(name, help));
  }
}
