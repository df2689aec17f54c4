import { board } from '../board.js';
import { gaugePanel, linesPanel, statesPanel, statPanel, tablePanel } from '../panels.js';
import { quantile, sumRate } from '../promql.js';
import { ENDS, PRESENCE, RESULTS } from './colors.js';

/** Does the system keep its promises, and where does it hurt? */
export const overview = board({
  name: 'overview',
  title: '1 Fleet overview',
  description:
    'The four promises on top, all fleets together. No metric carries a fleet, a device or a topic, so that nothing that people name becomes a label: for one fleet ask the API.',
  rows: [
    [
      'The promises',
      [
        statPanel({
          title: 'Telemetry',
          description:
            'Readings stored per second: valid, new and on disk in Redis. Red: nothing comes, or nothing is taken.',
          unit: 'cps',
          queries: [
            [`${sumRate('telemetry_messages_total{result=~"accepted|late"}')} or vector(0)`, 'stored'],
          ],
          width: 6,
          height: 5,
          decimals: 1,
          thresholds: [['red'], ['green', 0.01]],
        }),
        statPanel({
          title: 'Loop latency, p99',
          description:
            "From the reading taken off the socket to the broker's receipt for the command that answers it, over the last minute: one in a hundred takes longer.",
          unit: 's',
          queries: [
            ['histogram_quantile(0.99, sum by (le) (rate(lamplighter_loop_seconds_bucket[1m]))) >= 0', 'p99'],
          ],
          width: 6,
          height: 5,
          noValue: 'no commands',
          thresholds: [['green'], ['yellow', 0.25], ['red', 1]],
        }),
        statPanel({
          title: 'Oldest pending command',
          description:
            'Age of the oldest command that has not ended. It waits for its device, its turn or an answer; after ten minutes somebody is told.',
          unit: 's',
          queries: [['max(lamplighter_command_oldest_pending_age_seconds)', 'oldest']],
          width: 6,
          height: 5,
          noValue: 'Redis or API is away',
          thresholds: [['green'], ['yellow', 60], ['red', 600]],
        }),
        statPanel({
          title: 'Unexplained',
          description:
            'What the books do not account for. Commands: anything but 0 is a bug. Readings: on their way, or lost between a device and the broker; counted once a minute.',
          unit: 'short',
          queries: [
            ['max(lamplighter_ledger_unexplained{kind="commands"})', 'commands'],
            ['max(lamplighter_ledger_unexplained{kind="readings"})', 'readings'],
          ],
          width: 6,
          height: 5,
          decimals: 0,
          names: true,
          noValue: 'not counted',
          thresholds: [['green'], ['red', 1]],
          own: { readings: [['green'], ['yellow', 1]] },
        }),
      ],
    ],
    [
      'The fleet',
      [
        linesPanel({
          title: 'Devices by state',
          description:
            'Online: heard of within 30 seconds. Stale: silent for longer. Offline: said goodbye, or its will came. Never seen: a command waits for it.',
          unit: 'short',
          queries: [['max by (state) (lamplighter_devices)', '{{state}}']],
          width: 10,
          height: 8,
          decimals: 0,
          stacked: true,
          colors: PRESENCE,
        }),
        gaugePanel({
          title: 'Devices away',
          description: 'Of the devices that were ever heard, the share that is offline or stale.',
          unit: 'percentunit',
          // Without any device the share has no value, and that is not the same as not knowing.
          queries: [['max(job:lamplighter_devices_away:ratio) or max(lamplighter_devices) * 0', 'away']],
          width: 4,
          height: 8,
          max: 1,
          decimals: 1,
          noValue: 'Redis or API is away',
          thresholds: [['green'], ['yellow', 0.1], ['red', 0.5]],
        }),
        tablePanel({
          title: 'Alerts that fire',
          description:
            'Each has a page in docs/runbooks that says what to type. The watchdog always fires: without it nobody would hear of anything.',
          unit: 'short',
          queries: [['count by (alertname, severity) (ALERTS{alertstate="firing"})', '']],
          columns: { alertname: 'Alert', severity: 'Severity', Value: 'Count' },
          width: 10,
          height: 8,
        }),
      ],
    ],
    [
      'The loop',
      [
        linesPanel({
          title: 'Telemetry by result',
          description:
            'What became of each reading: accepted is the new last state, late only enters the history, rejected was malformed, retried will be read again.',
          unit: 'cps',
          queries: [[sumRate('telemetry_messages_total', 'result'), '{{result}}']],
          width: 12,
          height: 8,
          stacked: true,
          colors: RESULTS,
        }),
        linesPanel({
          title: 'Commands that ended, by state',
          description:
            'Each command ends in exactly one final state. Expired: its time was over before it was sent. Unknown: sent, and nobody answered.',
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
            "From the reading taken off the socket to the broker's receipt for the command that answers it.",
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
          title: 'Parts that answer',
          description:
            'Green while a replica answers Prometheus, the rules service is connected to the broker, and Redis would keep a command through a crash.',
          queries: [
            ['max by (job, instance) (up{job=~"rules|api|device-sim"})', '{{job}} {{instance}}'],
            ['min by (instance) (lamplighter_mqtt_connected)', 'broker for {{instance}}'],
            ['min(lamplighter_store_durability_ok)', 'Redis keeps commands'],
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
