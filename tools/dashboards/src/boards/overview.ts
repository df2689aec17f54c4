import { promiseNumbers } from '@lamplighter/service-kit/promise-numbers';
import { board } from '../board.js';
import { gaugePanel, linesPanel, statesPanel, statPanel, tablePanel } from '../panels.js';
import { quantile, sumRate } from '../promql.js';
import { ENDS, PRESENCE, RESULTS } from './colors.js';

const { loopP99, oldestPending, unexplainedCommands, unexplainedReadings } = promiseNumbers();

/** The health of the whole system at a glance. */
export const overview = board({
  name: 'overview',
  title: '1 Fleet overview',
  description:
    'Health of all fleets together. Metrics have no label for a fleet, device or topic; use the API for a single fleet.',
  rows: [
    [
      'Health',
      [
        statPanel({
          title: 'Telemetry rate',
          description:
            'Readings stored per second: valid, new and on disk in Redis. Red: nothing arrives, or nothing is accepted.',
          unit: 'cps',
          queries: [[`${promiseNumbers('$__rate_interval').telemetryRate} or vector(0)`, 'stored']],
          width: 6,
          height: 5,
          decimals: 1,
          thresholds: [['red'], ['green', 0.01]],
        }),
        statPanel({
          title: 'Loop latency, p99',
          description:
            'Time from reading telemetry off the socket to the PUBACK of the command that it caused, 99th percentile of the last minute.',
          unit: 's',
          queries: [[loopP99, 'p99']],
          width: 6,
          height: 5,
          noValue: 'no commands',
          thresholds: [['green'], ['yellow', 0.25], ['red', 1]],
        }),
        statPanel({
          title: 'Oldest open command',
          description:
            'Age of the oldest open command. It waits for its device, its turn or an acknowledgement. CommandQueueOldestTooOld fires after ten minutes.',
          unit: 's',
          queries: [[oldestPending, 'oldest']],
          width: 6,
          height: 5,
          noValue: 'Redis or API down',
          thresholds: [['green'], ['yellow', 60], ['red', 600]],
        }),
        statPanel({
          title: 'Unexplained loss',
          description:
            'What the ledgers do not explain. Commands: any value but 0 is a bug. Readings: in transit, or lost between a device and the broker. Updated once a minute.',
          unit: 'short',
          queries: [
            [unexplainedCommands, 'commands'],
            [unexplainedReadings, 'readings'],
          ],
          width: 6,
          height: 5,
          decimals: 0,
          names: true,
          noValue: 'not counted',
          thresholds: [['green'], ['red', 1]],
          seriesThresholds: { readings: [['green'], ['yellow', 1]] },
        }),
      ],
    ],
    [
      'Fleet',
      [
        linesPanel({
          title: 'Devices by state',
          description:
            'Online: a recent message. Stale: silent for longer. Offline: goodbye or will received. Never seen: known only from a command or rule. Left: said goodbye and will be removed.',
          unit: 'short',
          queries: [['max by (state) (lamplighter_devices)', '{{state}}']],
          width: 10,
          height: 8,
          decimals: 0,
          stacked: true,
          colors: PRESENCE,
        }),
        gaugePanel({
          title: 'Offline or stale',
          description: 'Share of the devices ever seen that are offline or stale.',
          unit: 'percentunit',
          // Without any device the ratio has no value; 0 distinguishes that from missing data.
          queries: [
            ['max(job:lamplighter_devices_away:ratio) or max(lamplighter_devices) * 0', 'offline or stale'],
          ],
          width: 4,
          height: 8,
          max: 1,
          decimals: 1,
          noValue: 'Redis or API down',
          thresholds: [['green'], ['yellow', 0.1], ['red', 0.5]],
        }),
        tablePanel({
          title: 'Firing alerts',
          description:
            'Each alert has a page in docs/runbooks. Watchdog always fires; if it is missing, alerting does not work.',
          unit: 'short',
          queries: [['count by (alertname, severity) (ALERTS{alertstate="firing"})', '']],
          columns: { alertname: 'Alert', severity: 'Severity', Value: 'Count' },
          width: 10,
          height: 8,
        }),
      ],
    ],
    [
      'Control loop',
      [
        linesPanel({
          title: 'Telemetry by result',
          description:
            'Accepted: the new last state. Late: stored only in the window. Rejected: invalid. Retried: waits for Redis and counts again by its final result.',
          unit: 'cps',
          queries: [[sumRate('telemetry_messages_total', 'result'), '{{result}}']],
          width: 12,
          height: 8,
          stacked: true,
          colors: RESULTS,
        }),
        linesPanel({
          title: 'Ended commands by state',
          description:
            'Each command ends in exactly one final state. Expired: not sent in time. Unknown: sent, but never acknowledged.',
          unit: 'cps',
          queries: [
            [
              sumRate(
                'commands_total{transition=~"succeeded|failed|rejected|expired|superseded|cancelled|unknown"}',
                'transition',
              ),
              '{{transition}}',
            ],
          ],
          width: 12,
          height: 8,
          stacked: true,
          colors: ENDS,
        }),
        linesPanel({
          title: 'Loop latency',
          description:
            'Time from reading telemetry off the socket to the PUBACK of the command that it caused.',
          unit: 's',
          queries: [
            [quantile(0.5, 'loop_seconds'), 'p50'],
            [quantile(0.99, 'loop_seconds'), 'p99'],
          ],
          width: 12,
          thresholds: [['green'], ['yellow', 0.25], ['red', 1]],
          height: 8,
          colors: { p50: 'blue', p99: 'orange' },
        }),
        statesPanel({
          title: 'Component health',
          description:
            'Green while Prometheus can scrape a replica, a rules replica is connected to the broker, and Redis keeps accepted commands through a crash.',
          queries: [
            ['max by (job, instance) (up{job=~"rules|api|device-sim"})', '{{job}} {{instance}}'],
            ['min by (instance) (lamplighter_mqtt_connected)', 'broker connection {{instance}}'],
            ['min(lamplighter_store_durability_ok)', 'Redis durability'],
          ],
          good: 'up',
          bad: 'down',
          width: 12,
          height: 8,
        }),
      ],
    ],
  ],
});
