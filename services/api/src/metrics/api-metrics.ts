import { PRESENCE_STATES } from '@lamplighter/contracts/devices/presence';
import { LATENCY_BUCKETS, Metrics } from '@lamplighter/service-kit/metrics';
import { unexpectedErrorsCounter } from '@lamplighter/service-kit/unexpected-errors';
import { STORE_DURABILITY_HELP } from '@lamplighter/store/redis/connect';
import { RedisMetrics } from './redis-metrics.js';

/** Devices that left are counted separately from other offline devices. */
export const DEVICE_COUNT_STATES = [...PRESENCE_STATES, 'left'] as const;

/** Places that report unexpected errors. */
const ERROR_PLACES = [
  'http',
  'live_events',
  'event_stream',
  'api_keys',
  'audit',
  'lane_warnings',
  'why',
  'metrics',
  'readiness',
  'store_link',
  'device_accounts',
] as const;
export type ErrorPlace = (typeof ERROR_PLACES)[number];

/** Every metric of the API, declared together. */
export class ApiMetrics extends Metrics {
  /** Method and route are closed sets; only existing combinations are exported, see http-metrics.ts. */
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
    'Time from the request headers to the end of the response; event streams, granted waits and clients that disconnect are not counted',
    LATENCY_BUCKETS,
    { method: [], route: [], status_class: [] },
  );
  readonly commands = this.counter('commands_total', 'Command state transitions', {
    transition: ['pending', 'superseded', 'cancelled', 'unknown'],
    source: ['api', 'rule', 'rollout'],
  });
  readonly devicesRemoved = this.counter('devices_removed_total', 'Removed devices, by cause', {
    cause: ['api'],
  });
  readonly rejected = this.counter('command_dropped_total', 'Rejected commands, by reason', {
    reason: ['queue_full', 'unreachable', 'fleet_full', 'unknown_device'],
  });
  readonly authFailures = this.counter('auth_failures_total', 'Requests without a valid credential', {
    kind: ['api_key'],
  });
  readonly limited = this.counter(
    'api_requests_limited_total',
    'Requests rejected because their API key has too many: per second, in progress, waiting, or event streams',
    { reason: ['rate', 'request', 'wait', 'stream'] },
  );
  readonly unexpectedErrors = unexpectedErrorsCounter(this, ERROR_PLACES);
  readonly waiting = this.gauge('http_waiting_requests', 'Requests currently waiting for a command to end');
  readonly sseClients = this.gauge('sse_clients', 'Open event streams');
  readonly sseDropped = this.counter(
    'sse_dropped_events_total',
    'Events not sent to a client because it reads too slowly',
  );
  readonly eventsDropped = this.counter(
    'live_events_dropped_total',
    'Live events that could not be written',
    {
      reason: ['store'],
    },
  );
  readonly auditDropped = this.counter(
    'audit_dropped_total',
    'Entries of the audit trail that could not be written',
    {
      reason: ['store'],
    },
  );
  /** See unexplained-gauge.ts. */
  readonly unexplained = this.gauge(
    'ledger_unexplained',
    'Readings and commands that the ledgers of all fleets do not account for; readings in transit count until they arrive',
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
    'Open commands: due for more than five seconds, or waiting for an acknowledgement, their device, their turn or their expiry',
    { state: ['due', 'waiting'] },
  );
  readonly oldestPending = this.gauge(
    'command_oldest_pending_age_seconds',
    'Age of the oldest open command; 0 if there is none',
  );
  /** See redis-metrics.ts. */
  readonly redis = new RedisMetrics(this);
}
