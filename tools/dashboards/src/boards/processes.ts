import { board } from '../board.js';
import { heatPanel, linesPanel, statPanel, tablePanel } from '../panels.js';
import { buckets, REPLICA, sumRate } from '../promql.js';

const OURS = `job=~"rules|api|device-sim",${REPLICA}`;

/** Running processes, the resources they use, and requests to the API. */
export const processes = board({
  name: 'processes',
  title: '6 Processes',
  description: 'All replicas of all services: versions, resources and errors. Below: requests to the API.',
  replicasOf: 'lamplighter_build_info',
  rows: [
    [
      'Replicas',
      [
        statPanel({
          title: 'Running replicas',
          description: 'Replicas of each service that Prometheus can scrape.',
          unit: 'short',
          queries: [['sum by (job) (up{job=~"rules|api|device-sim"})', '{{job}}']],
          width: 6,
          height: 6,
          decimals: 0,
          names: true,
          thresholds: [['red'], ['green', 1]],
        }),
        tablePanel({
          title: 'Versions',
          description: 'Several versions of one service mean that an update has not finished.',
          unit: 'short',
          queries: [[`sum by (service, version, node, instance) (lamplighter_build_info{${REPLICA}})`, '']],
          columns: { service: 'Service', instance: 'Replica', version: 'Version', node: 'Node' },
          hidden: ['Value'],
          width: 10,
          height: 6,
        }),
        statPanel({
          title: 'Event loop lag, p99',
          description:
            'Event loop lag of the worst replica. EventLoopLagHigh fires after five minutes above 0.2 s.',
          unit: 's',
          queries: [[`max(nodejs_eventloop_lag_p99_seconds{${OURS}})`, 'lag']],
          width: 4,
          height: 6,
          thresholds: [['green'], ['yellow', 0.1], ['red', 0.2]],
        }),
        statPanel({
          title: 'Free disk space',
          description: 'Share of free space on the fullest disk. When the disk is full, Redis cannot write.',
          unit: 'percentunit',
          queries: [['min(job_instance:lamplighter_disk_free:ratio)', 'free']],
          width: 4,
          height: 6,
          decimals: 0,
          thresholds: [['red'], ['yellow', 0.1], ['green', 0.2]],
        }),
      ],
    ],
    [
      'Resources',
      [
        linesPanel({
          title: 'Unexpected errors',
          description: 'Bugs, by service and place. The log has each with its stack; the service continues.',
          unit: 'short',
          queries: [
            [
              'sum by (job, where) (increase(lamplighter_unexpected_errors_total[$__rate_interval]))',
              '{{job}}: {{where}}',
            ],
          ],
          width: 24,
          height: 6,
          decimals: 0,
        }),
        linesPanel({
          title: 'CPU usage',
          description:
            'CPU time of each process; 100% is one core. One process rarely needs more than one core.',
          unit: 'percentunit',
          queries: [[`rate(process_cpu_seconds_total{${OURS}}[$__rate_interval])`, '{{job}} {{instance}}']],
          width: 8,
          height: 8,
        }),
        linesPanel({
          title: 'Event loop lag',
          description: 'The 99th percentile of each replica.',
          unit: 's',
          queries: [[`nodejs_eventloop_lag_p99_seconds{${OURS}}`, '{{job}} {{instance}}']],
          width: 8,
          thresholds: [['green'], ['red', 0.2]],
          height: 8,
        }),
        linesPanel({
          title: 'Memory',
          description: 'Resident memory of each process. A steady rise indicates a leak.',
          unit: 'bytes',
          queries: [[`process_resident_memory_bytes{${OURS}}`, '{{job}} {{instance}}']],
          width: 8,
          height: 8,
        }),
        linesPanel({
          title: 'JavaScript heap',
          description: 'JavaScript heap in use.',
          unit: 'bytes',
          queries: [[`nodejs_heap_size_used_bytes{${OURS}}`, '{{job}} {{instance}}']],
          width: 8,
          height: 7,
        }),
        linesPanel({
          title: 'Garbage collection',
          description: 'Share of time spent on garbage collection.',
          unit: 'percentunit',
          queries: [
            [
              `sum by (job, instance) (rate(nodejs_gc_duration_seconds_sum{${OURS}}[$__rate_interval]))`,
              '{{job}} {{instance}}',
            ],
          ],
          width: 8,
          height: 7,
        }),
        linesPanel({
          title: 'Open file descriptors',
          description: 'Each connection uses one. The simulator has one connection per device.',
          unit: 'short',
          queries: [[`process_open_fds{${OURS}}`, '{{job}} {{instance}}']],
          width: 8,
          height: 7,
          decimals: 0,
        }),
        linesPanel({
          title: 'Disk space',
          description: 'Size of the disk under a service, and the space that is free for unprivileged users.',
          unit: 'bytes',
          queries: [
            ['max(lamplighter_disk_size_bytes)', 'size'],
            ['min by (job) (lamplighter_disk_free_bytes)', 'free, {{job}}'],
          ],
          width: 12,
          height: 7,
        }),
        linesPanel({
          title: 'Scrape duration',
          description:
            'Time that a replica takes to report its metrics. It must stay below 0.1 s under full load.',
          unit: 's',
          queries: [[`scrape_duration_seconds{${OURS}}`, '{{job}} {{instance}}']],
          width: 12,
          thresholds: [['green'], ['red', 0.1]],
          height: 7,
        }),
      ],
    ],
    [
      'API',
      [
        linesPanel({
          title: 'Requests by status class',
          description:
            'Status 4xx: an error of the client. Status 5xx: an error of the server, such as 503 while Redis is unavailable.',
          unit: 'reqps',
          queries: [[sumRate('http_requests_total', 'status_class'), '{{status_class}}']],
          width: 8,
          height: 8,
          stacked: true,
          colors: { '2xx': 'green', '3xx': 'blue', '4xx': 'yellow', '5xx': 'red' },
        }),
        linesPanel({
          title: 'Slowest routes, p99',
          description:
            'From the headers of a request to the end of its response, without event streams and granted waits.',
          unit: 's',
          queries: [
            [
              'topk(5, histogram_quantile(0.99, sum by (le, method, route) (rate(lamplighter_http_request_duration_seconds_bucket[$__rate_interval]))))',
              '{{method}} {{route}}',
            ],
          ],
          width: 8,
          height: 8,
        }),
        heatPanel({
          title: 'Request duration',
          description: 'Requests by duration.',
          unit: 's',
          queries: [[buckets('http_request_duration_seconds'), '{{le}}']],
          width: 8,
          height: 8,
        }),
        linesPanel({
          title: 'Refused clients',
          description:
            'Requests without a valid API key, connections that the broker refused, and requests beyond the limits of their key; also entries missing in the audit trail. A steady rate is a client with an old key or password; a burst may be an attack.',
          unit: 'cps',
          queries: [
            [sumRate('auth_failures_total{kind="api_key"}'), 'API'],
            ['max(rate(lamplighter_auth_failures_total{kind="mqtt"}[$__rate_interval]))', 'broker'],
            [sumRate('api_requests_limited_total'), 'API, limit of a key'],
            [sumRate('audit_dropped_total'), 'audit entries lost'],
          ],
          width: 8,
          height: 7,
          colors: { API: 'red', broker: 'orange', 'API, limit of a key': 'yellow' },
        }),
        linesPanel({
          title: 'Event streams and waiting requests',
          description: 'Clients of the event stream, and requests that wait for a command to end.',
          unit: 'short',
          queries: [
            ['sum(lamplighter_sse_clients)', 'event streams'],
            ['sum(lamplighter_http_waiting_requests)', 'waiting requests'],
          ],
          width: 8,
          height: 7,
          decimals: 0,
        }),
        linesPanel({
          title: 'Missed live events',
          description:
            'Events that were left out (sampled) or not written, and events dropped for slow clients. State is never missed: it is in Redis.',
          unit: 'cps',
          queries: [
            [sumRate('live_events_dropped_total', 'reason'), '{{reason}}'],
            [sumRate('sse_dropped_events_total'), 'slow client'],
          ],
          width: 8,
          height: 7,
        }),
      ],
    ],
  ],
});
