import { board } from '../board.js';
import { heatPanel, linesPanel, statPanel } from '../panels.js';
import { buckets, quantile, REPLICA, sumRate } from '../promql.js';
import { ENDS } from './colors.js';

/** Whether commands reach their devices, how fast, and how they end. */
export const commands = board({
  name: 'commands',
  title: '3 Commands and delivery',
  description:
    'Commands from the moment Redis stores them to their final state: backlog, retries, acknowledgements and losses.',
  replicasOf: 'lamplighter_command_redeliveries_total',
  rows: [
    [
      'Health',
      [
        statPanel({
          title: 'Oldest open command',
          description:
            'Age of the oldest open command. It waits for its device, its turn or an acknowledgement. CommandQueueOldestTooOld fires after ten minutes.',
          unit: 's',
          queries: [['max(lamplighter_command_oldest_pending_age_seconds)', 'oldest']],
          width: 4,
          height: 4,
          noValue: 'Redis or API down',
          thresholds: [['green'], ['yellow', 60], ['red', 600]],
        }),
        statPanel({
          title: 'Open commands',
          description: 'Commands of all fleets that have not ended.',
          unit: 'short',
          queries: [['max(sum by (instance) (lamplighter_commands_pending))', 'open']],
          width: 4,
          height: 4,
          decimals: 0,
          noValue: 'Redis or API down',
        }),
        statPanel({
          title: 'Round trip, p99',
          description:
            'Time from storing a command to the final acknowledgement of its device: 99th percentile over five minutes, of the slowest source.',
          unit: 's',
          queries: [['max(source:lamplighter_command_roundtrip_seconds:p99_rate5m > 0)', 'p99']],
          width: 4,
          height: 4,
          noValue: 'none yet',
          thresholds: [['green'], ['yellow', 5], ['red', 30]],
        }),
        statPanel({
          title: 'Expired commands',
          description: 'Share of the commands ended within 15 minutes that expired before they were sent.',
          unit: 'percentunit',
          queries: [['max(job:lamplighter_commands_expired:ratio_increase15m)', 'expired']],
          width: 4,
          height: 4,
          decimals: 1,
          noValue: 'none ended',
          thresholds: [['green'], ['yellow', 0.02], ['red', 0.1]],
        }),
        statPanel({
          title: 'Unexplained commands',
          description: 'Issued commands that are neither open nor ended. Any value but 0 is a bug.',
          unit: 'short',
          queries: [['max(lamplighter_ledger_unexplained{kind="commands"})', 'commands']],
          width: 4,
          height: 4,
          decimals: 0,
          noValue: 'not counted yet',
          thresholds: [['green'], ['red', 1]],
        }),
        statPanel({
          title: 'Unexplained readings',
          description:
            'Readings that devices have counted and that are neither stored nor otherwise accounted for: in transit, or lost between a device and the broker.',
          unit: 'short',
          queries: [['max(lamplighter_ledger_unexplained{kind="readings"})', 'readings']],
          width: 4,
          height: 4,
          decimals: 0,
          noValue: 'not counted yet',
          thresholds: [['green'], ['yellow', 1]],
        }),
      ],
    ],
    [
      'Life cycle',
      [
        linesPanel({
          title: 'Issued commands by source',
          description: 'Commands stored in Redis: from rules, API clients and rollouts.',
          unit: 'cps',
          queries: [[sumRate('commands_total{transition="pending"}', 'source'), '{{source}}']],
          width: 8,
          height: 8,
          stacked: true,
          colors: { rule: 'blue', api: 'orange', rollout: 'purple' },
        }),
        linesPanel({
          title: 'Commands in progress',
          description:
            'Pending: issued. Dispatched: sent to the broker, repeats included. Acknowledged: started by the device.',
          unit: 'cps',
          queries: [
            [
              sumRate('commands_total{transition=~"pending|dispatched|acknowledged"}', 'transition'),
              '{{transition}}',
            ],
          ],
          width: 8,
          height: 8,
          colors: { pending: 'text', dispatched: 'blue', acknowledged: 'green' },
        }),
        linesPanel({
          title: 'Ended commands by state',
          description: 'Final states; each command counts once. Unknown: sent, but never acknowledged.',
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
          width: 8,
          height: 8,
          stacked: true,
          colors: ENDS,
        }),
        linesPanel({
          title: 'Open commands by state',
          description:
            'Due: overdue for five seconds, a backlog. Waiting: for an acknowledgement, their device, their turn or their expiry.',
          unit: 'short',
          queries: [['max by (state) (lamplighter_commands_pending)', '{{state}}']],
          width: 12,
          height: 7,
          decimals: 0,
          stacked: true,
          colors: { due: 'orange', waiting: 'blue' },
        }),
        linesPanel({
          title: 'Age of the oldest command',
          description:
            'A sawtooth is an offline device whose commands expire; a steady slope is a stuck lane. Unconfirmed: claimed, but not yet accepted by the broker.',
          unit: 's',
          queries: [
            ['max(lamplighter_command_oldest_pending_age_seconds)', 'oldest'],
            ['max(lamplighter_outbox_lag_seconds)', 'unconfirmed'],
          ],
          width: 12,
          thresholds: [['green'], ['yellow', 60], ['red', 600]],
          height: 7,
          colors: { oldest: 'orange', unconfirmed: 'red' },
        }),
      ],
    ],
    [
      'Latency',
      [
        linesPanel({
          title: 'Round trip',
          description:
            'Time from storing a command to the final acknowledgement of its device, including the time the device was offline.',
          unit: 's',
          queries: [
            [quantile(0.5, 'command_roundtrip_seconds', { where: REPLICA }), 'p50'],
            [quantile(0.99, 'command_roundtrip_seconds', { where: REPLICA }), 'p99'],
          ],
          width: 8,
          height: 8,
          colors: { p50: 'blue', p99: 'orange' },
        }),
        heatPanel({
          title: 'Round trip distribution',
          description: 'Commands by round-trip time. Outliers waited for their device.',
          unit: 's',
          queries: [[buckets('command_roundtrip_seconds', REPLICA), '{{le}}']],
          width: 8,
          height: 8,
        }),
        linesPanel({
          title: 'Loop latency',
          description:
            'Time from reading telemetry off the socket to the PUBACK of the command that it caused.',
          unit: 's',
          queries: [
            [quantile(0.5, 'loop_seconds', { where: REPLICA }), 'p50'],
            [quantile(0.99, 'loop_seconds', { where: REPLICA }), 'p99'],
          ],
          width: 8,
          thresholds: [['green'], ['yellow', 0.25], ['red', 1]],
          height: 8,
          colors: { p50: 'blue', p99: 'orange' },
        }),
      ],
    ],
    [
      'Retries and failures',
      [
        linesPanel({
          title: 'Retries',
          description:
            'Redelivered: dispatched again for lack of an acknowledgement. Returned: not subscribed to, or refused by the broker. Withheld: the lease ended before the dispatch.',
          unit: 'cps',
          queries: [
            [sumRate(`command_redeliveries_total{${REPLICA}}`), 'redelivered'],
            [sumRate(`command_unreachable_total{${REPLICA}}`, 'reason'), 'returned: {{reason}}'],
            [sumRate(`command_dispatches_withheld_total{${REPLICA}}`), 'withheld'],
          ],
          width: 8,
          height: 8,
        }),
        linesPanel({
          title: 'Acknowledgements',
          description:
            'Recorded: new. Repeated: received before. Late: received after the command had ended. Missing: no such command. Foreign: a command of another device.',
          unit: 'cps',
          queries: [[sumRate(`command_answers_total{${REPLICA}}`, 'result'), '{{result}}']],
          width: 8,
          height: 8,
          colors: { recorded: 'green', repeated: 'blue', late: 'yellow', malformed: 'red' },
        }),
        linesPanel({
          title: 'Commands at simulated devices',
          description:
            'Commands by result on arrival, as the simulated devices count them. Each id is executed once.',
          unit: 'cps',
          queries: [[sumRate('sim_commands_received_total', 'result'), '{{result}}']],
          width: 8,
          height: 8,
          colors: { executed: 'green', repeated: 'blue', expired: 'yellow' },
        }),
        linesPanel({
          title: 'Rejected commands',
          description:
            'Commands that were not stored, for example because a queue was full, or because the device was offline and the policy is now.',
          unit: 'cps',
          queries: [[sumRate('command_dropped_total', 'job', 'reason'), '{{job}}: {{reason}}']],
          width: 8,
          height: 7,
        }),
        linesPanel({
          title: 'Rollout turns',
          description: 'Turns of devices in rollouts, by result. Swept: cancelled when their rollout ended.',
          unit: 'cps',
          queries: [[sumRate(`rollout_commands_total{${REPLICA}}`, 'result'), '{{result}}']],
          width: 8,
          height: 7,
          colors: { enqueued: 'green' },
        }),
        linesPanel({
          title: 'Running rollouts and waiting requests',
          description: 'Rollouts that are issuing commands, and requests that wait for a command to end.',
          unit: 'short',
          queries: [
            [`sum(lamplighter_rollouts_running{${REPLICA}})`, 'running rollouts'],
            ['sum(lamplighter_http_waiting_requests)', 'waiting requests'],
          ],
          width: 8,
          height: 7,
          decimals: 0,
        }),
      ],
    ],
  ],
});
