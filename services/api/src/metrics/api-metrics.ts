import { PRESENCE_STATES } from '@lamplighter/contracts/devices/presence';
import { LATENCY_BUCKETS, Metrics } from '@lamplighter/service-kit/metrics';
import { STORE_DURABILITY_HELP } from '@lamplighter/store/redis/connect';
import { RedisMetrics } from './redis-metrics.js';

/** Devices that `left` are counted apart from the other offline ones. */
export const DEVICE_COUNT_STATES = [...PRESENCE_STATES, 'left'] as const;

/** Every metric of the API, declared together. */
export class ApiMetrics extends Metrics {
  /** Method and route are closed sets, but only their true combinations exist: see http-metrics.ts. */
  readonly requests = this.counter(
    'http_requests_total',
    'HTTP requests by method, route and class of status',
    {
      method: [],
      route: [],
      status_class: [],
    },
  );
  readonly requestDuration = this.histogram(
    'http_request_duration_seconds',
    'Time from the head of a request to the end of its answer; event streams, granted waits and clients that hang up are left out',
    LATENCY_BUCKETS,
    { method: [], route: [], status_class: [] },
  );
  readonly commands = this.counter('commands_total', 'Transitions of commands', {
    transition: ['pending', 'superseded', 'cancelled', 'unknown'],
    source: ['api', 'rule', 'rollout'],
  });
  readonly devicesRemoved = this.counter('devices_removed_total', 'Devices that were removed, by why', {
    cause: ['api'],
  });
  readonly refused = this.counter('command_dropped_total', 'Commands that were not taken', {
    reason: ['queue_full', 'unreachable', 'fleet_full', 'unknown_device'],
  });
  readonly authFailures = this.counter('auth_failures_total', 'Requests without a valid credential', {
    kind: ['api_key'],
  });
  readonly waiting = this.gauge('http_waiting_requests', 'Requests that wait for a command to end now');
  readonly sseClients = this.gauge('sse_clients', 'Clients that watch events now');
  readonly sseDropped = this.counter(
    'sse_dropped_events_total',
    'Events that a client did not get, because it reads too slowly',
  );
  readonly eventsDropped = this.counter(
    'live_events_dropped_total',
    'Events for live views that were not written',
    {
      reason: ['store'],
    },
  );
  /** See unexplained-gauge.ts. */
  readonly unexplained = this.gauge(
    'ledger_unexplained',
    'What the books of all fleets do not account for; readings on their way count until they are here',
    { kind: ['readings', 'commands'] },
  );
  readonly durable = this.gauge('store_durability_ok', STORE_DURABILITY_HELP);
  /** See devices-gauge.ts. */
  readonly devices = this.gauge('devices', 'Devices of all fleets by presence', {
    state: DEVICE_COUNT_STATES,
  });
  /** See open-commands-gauge.ts. */
  readonly commandsPending = this.gauge(
    'commands_pending',
    'Commands that have not ended: due for five seconds, or waiting for an answer, their device, their turn or their expiry',
    { state: ['due', 'waiting'] },
  );
  readonly oldestPending = this.gauge(
    'command_oldest_pending_age_seconds',
    'Time since the oldest command that has not ended was taken; 0 without one',
  );
  /** See redis-metrics.ts. */
  readonly redis = new RedisMetrics(this);
}
