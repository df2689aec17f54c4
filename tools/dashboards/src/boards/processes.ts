import { board } from '../board.js';
import { heatPanel, linesPanel, statPanel, tablePanel } from '../panels.js';
import { buckets, REPLICA, sumRate } from '../promql.js';

const OURS = `job=~"rules|api|device-sim",${REPLICA}`;

/** Which processes run, what do they need, and who asks the API for what? */
export const processes = board({
  name: 'processes',
  title: '6 Processes',
  description:
    'Every replica of every service: what it is, what it needs, whether it stumbles; and the API, request by request.',
  replicasOf: 'lamplighter_build_info',
  rows: [
    [
      'What runs',
      [
        statPanel({
          title: 'Replicas that answer',
          description: 'Replicas of each service that Prometheus reaches.',
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
          description: 'Replicas of one service with different versions are a rollout that has not ended.',
          unit: 'short',
          queries: [[`sum by (service, version, node, instance) (lamplighter_build_info{${REPLICA}})`, '']],
          columns: { service: 'Service', instance: 'Replica', version: 'Version', node: 'Node' },
          hidden: ['Value'],
          width: 10,
          height: 6,
        }),
        statPanel({
          title: 'Event loop, p99',
          description:
            'How late the event loop of the worst replica is. Above 0.2 s for five minutes somebody is told.',
          unit: 's',
          queries: [[`max(nodejs_eventloop_lag_p99_seconds{${OURS}})`, 'lag']],
          width: 4,
          height: 6,
          thresholds: [['green'], ['yellow', 0.1], ['red', 0.2]],
        }),
        statPanel({
          title: 'Disk left',
          description:
            'Share of the disk that is free, where the least is. When it is full Redis can no longer write.',
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
      'What they need',
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
          title: 'Processor',
          description: 'Cores that each process keeps busy; one process has little use for more than one.',
          unit: 'percentunit',
          queries: [[`rate(process_cpu_seconds_total{${OURS}}[$__rate_interval])`, '{{job}} {{instance}}']],
          width: 8,
          height: 8,
        }),
        linesPanel({
          title: 'Event loop lag',
          description: 'The 99th percentile of each replica: for so long it does nothing else.',
          unit: 's',
          queries: [[`nodejs_eventloop_lag_p99_seconds{${OURS}}`, '{{job}} {{instance}}']],
          width: 8,
          thresholds: [['green'], ['red', 0.2]],
          height: 8,
        }),
        linesPanel({
          title: 'Memory',
          description: 'Resident memory of each process. A line that only rises is a leak.',
          unit: 'bytes',
          queries: [[`process_resident_memory_bytes{${OURS}}`, '{{job}} {{instance}}']],
          width: 8,
          height: 8,
        }),
        linesPanel({
          title: 'Heap',
          description: 'JavaScript heap that is used.',
          unit: 'bytes',
          queries: [[`nodejs_heap_size_used_bytes{${OURS}}`, '{{job}} {{instance}}']],
          width: 8,
          height: 7,
        }),
        linesPanel({
          title: 'Garbage collection',
          description: 'Share of the time that goes into collecting garbage.',
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
          title: 'Open files and sockets',
          description: 'Each connection is one; the simulator has one per device.',
          unit: 'short',
          queries: [[`process_open_fds{${OURS}}`, '{{job}} {{instance}}']],
          width: 8,
          height: 7,
          decimals: 0,
        }),
        linesPanel({
          title: 'Disk',
          description: 'Size of the disk under a service, and what is free for ordinary users.',
          unit: 'bytes',
          queries: [
            ['max(lamplighter_disk_size_bytes)', 'size'],
            ['min by (job) (lamplighter_disk_free_bytes)', 'free for {{job}}'],
          ],
          width: 12,
          height: 7,
        }),
        linesPanel({
          title: 'Time of a scrape',
          description:
            'How long a replica takes to tell its metrics; under full load it must stay below 0.1 s.',
          unit: 's',
          queries: [[`scrape_duration_seconds{${OURS}}`, '{{job}} {{instance}}']],
          width: 12,
          thresholds: [['green'], ['red', 0.1]],
          height: 7,
        }),
      ],
    ],
    [
      'The API',
      [
        linesPanel({
          title: 'Requests, by class of status',
          description: 'The class 4xx is the fault of a client, 5xx is ours: 503 while Redis is away.',
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
            'From the head of a request to the end of its answer. Event streams and granted waits are left out.',
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
          title: 'Time of requests',
          description: 'How many requests took how long.',
          unit: 's',
          queries: [[buckets('http_request_duration_seconds'), '{{le}}']],
          width: 8,
          height: 8,
        }),
        linesPanel({
          title: 'Refused credentials',
          description:
            'Requests without a valid API key, and connections that the broker refuses. A steady rate is a client with an old key or password; a burst is somebody who guesses.',
          unit: 'cps',
          queries: [
            [sumRate('auth_failures_total{kind="api_key"}'), 'API'],
            ['max(rate(lamplighter_auth_failures_total{kind="mqtt"}[$__rate_interval]))', 'broker'],
          ],
          width: 8,
          height: 7,
          colors: { API: 'red', broker: 'orange' },
        }),
        linesPanel({
          title: 'Live views',
          description: 'Clients that watch events, and requests that wait for a command to end.',
          unit: 'short',
          queries: [
            ['sum(lamplighter_sse_clients)', 'watch events'],
            ['sum(lamplighter_http_waiting_requests)', 'wait for a command'],
          ],
          width: 8,
          height: 7,
          decimals: 0,
        }),
        linesPanel({
          title: 'Events that live views miss',
          description:
            'Not sampled or not written, and dropped for clients that read too slowly. State is never missed: it is in Redis.',
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
