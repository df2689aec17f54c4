import { board } from '../board.js';
import { heatPanel, linesPanel, statPanel } from '../panels.js';
import { buckets, quantile, REPLICA, sumRate } from '../promql.js';
import { ENDS } from './colors.js';

/** Do commands reach their devices, how fast, and what becomes of those that do not? */
export const commands = board({
  name: 'commands',
  title: '3 Commands and delivery',
  description:
    'From the moment Redis has a command to its one final state: what waits, what was sent again, what devices answered, what is missing.',
  replicasOf: 'lamplighter_command_redeliveries_total',
  rows: [
    [
      'Is every command accounted for?',
      [
        statPanel({
          title: 'Oldest pending',
          description:
            'Age of the oldest command that has not ended. It waits for its device, its turn or an answer; after ten minutes somebody is told.',
          unit: 's',
          queries: [['max(lamplighter_command_oldest_pending_age_seconds)', 'oldest']],
          width: 4,
          height: 4,
          noValue: 'Redis or API is away',
          thresholds: [['green'], ['yellow', 60], ['red', 600]],
        }),
        statPanel({
          title: 'Pending',
          description: 'Commands that have not ended, all replicas and fleets together.',
          unit: 'short',
          queries: [['max(sum by (instance) (lamplighter_commands_pending))', 'pending']],
          width: 4,
          height: 4,
          decimals: 0,
          noValue: 'Redis or API is away',
        }),
        statPanel({
          title: 'Round trip, p99',
          description:
            "From the moment the store has a command to the device's final answer, over five minutes, of the slowest source.",
          unit: 's',
          queries: [['max(source:lamplighter_command_roundtrip_seconds:p99_rate5m > 0)', 'p99']],
          width: 4,
          height: 4,
          noValue: 'no answers',
          thresholds: [['green'], ['yellow', 5], ['red', 30]],
        }),
        statPanel({
          title: 'Expired',
          description:
            'Of the commands that ended in a quarter of an hour, the share whose time was over before they were sent.',
          unit: 'percentunit',
          queries: [['max(job:lamplighter_commands_expired:ratio_increase15m)', 'expired']],
          width: 4,
          height: 4,
          decimals: 1,
          noValue: 'none ended',
          thresholds: [['green'], ['yellow', 0.02], ['red', 0.1]],
        }),
        statPanel({
          title: 'Commands unexplained',
          description: 'Issued commands that are neither open nor ended: anything but 0 is a bug.',
          unit: 'short',
          queries: [['max(lamplighter_ledger_unexplained{kind="commands"})', 'commands']],
          width: 4,
          height: 4,
          decimals: 0,
          noValue: 'not counted yet',
          thresholds: [['green'], ['red', 1]],
        }),
        statPanel({
          title: 'Readings unexplained',
          description:
            'Readings that devices say they have taken and that are neither stored nor accounted for: on their way, or lost between a device and the broker.',
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
      'The life of a command',
      [
        linesPanel({
          title: 'Issued, by source',
          description:
            'Commands that the store has taken: from rules, from people and programs over REST, from rollouts.',
          unit: 'cps',
          queries: [[sumRate('commands_total{transition="pending"}', 'source'), '{{source}}']],
          width: 8,
          height: 8,
          stacked: true,
          colors: { rule: 'blue', api: 'orange', rollout: 'purple' },
        }),
        linesPanel({
          title: 'On the way',
          description:
            'Issued, sent to the broker (again counts again), and acknowledged by devices as begun.',
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
          title: 'Ended, by state',
          description: 'Final states per second, each command once. Unknown: sent, and nobody answered.',
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
          title: 'Pending, by what they wait for',
          description:
            'Due: should have been sent, or ended, five seconds ago. Waiting: for an answer, their device, their turn or their expiry.',
          unit: 'short',
          queries: [['max by (state) (lamplighter_commands_pending)', '{{state}}']],
          width: 12,
          height: 7,
          decimals: 0,
          stacked: true,
          colors: { due: 'orange', waiting: 'blue' },
        }),
        linesPanel({
          title: 'Age of the oldest',
          description:
            'A saw-tooth is a device that stays away and whose commands run out of time; a slope that goes on is a stuck lane. With the broker: sent, and not taken by it yet.',
          unit: 's',
          queries: [
            ['max(lamplighter_command_oldest_pending_age_seconds)', 'oldest'],
            ['max(lamplighter_outbox_lag_seconds)', 'with the broker'],
          ],
          width: 12,
          thresholds: [['green'], ['yellow', 60], ['red', 600]],
          height: 7,
          colors: { oldest: 'orange', 'with the broker': 'red' },
        }),
      ],
    ],
    [
      'How fast',
      [
        linesPanel({
          title: 'Round trip',
          description:
            "From the moment the store has a command to the device's final answer, its time away included.",
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
          title: 'Round trip, all of them',
          description: 'How many commands took how long; what lies far above the rest waited for its device.',
          unit: 's',
          queries: [[buckets('command_roundtrip_seconds', REPLICA), '{{le}}']],
          width: 8,
          height: 8,
        }),
        linesPanel({
          title: 'Loop',
          description:
            "From the reading taken off the socket to the broker's receipt for the command that answers it.",
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
      'What it takes, and what fails',
      [
        linesPanel({
          title: 'More than one try',
          description:
            'Sent again without an answer, given back because nobody listens or the broker refuses, or withheld because the lease was over.',
          unit: 'cps',
          queries: [
            [sumRate(`command_redeliveries_total{${REPLICA}}`), 'sent again'],
            [sumRate(`command_unreachable_total{${REPLICA}}`, 'reason'), 'given back: {{reason}}'],
            [sumRate(`command_dispatches_withheld_total{${REPLICA}}`), 'withheld'],
          ],
          width: 8,
          height: 8,
        }),
        linesPanel({
          title: 'Answers of devices',
          description:
            'Recorded is new, repeated was known, late came after the end, missing and foreign name a command that is not theirs.',
          unit: 'cps',
          queries: [[sumRate(`command_answers_total{${REPLICA}}`, 'result'), '{{result}}']],
          width: 8,
          height: 8,
          colors: { recorded: 'green', repeated: 'blue', late: 'yellow', malformed: 'red' },
        }),
        linesPanel({
          title: 'What devices do with them',
          description:
            'The same commands as simulated devices count them on arrival: each id is executed once.',
          unit: 'cps',
          queries: [[sumRate('sim_commands_received_total', 'result'), '{{result}}']],
          width: 8,
          height: 8,
          colors: { executed: 'green', repeated: 'blue', expired: 'yellow' },
        }),
        linesPanel({
          title: 'Not taken',
          description:
            'Commands refused at the door, since a queue is full or the device is away and the policy is now.',
          unit: 'cps',
          queries: [[sumRate('command_dropped_total', 'job', 'reason'), '{{job}}: {{reason}}']],
          width: 8,
          height: 7,
        }),
        linesPanel({
          title: 'Rollouts',
          description:
            'Turns of devices in rollouts, by what came of them; swept commands were cancelled by the end of their rollout.',
          unit: 'cps',
          queries: [[sumRate(`rollout_commands_total{${REPLICA}}`, 'result'), '{{result}}']],
          width: 8,
          height: 7,
          colors: { enqueued: 'green' },
        }),
        linesPanel({
          title: 'Rollouts and requests that wait',
          description:
            'Rollouts whose commands are being issued now, and requests that wait for a command to end.',
          unit: 'short',
          queries: [
            [`sum(lamplighter_rollouts_running{${REPLICA}})`, 'rollouts running'],
            ['sum(lamplighter_http_waiting_requests)', 'requests waiting'],
          ],
          width: 8,
          height: 7,
          decimals: 0,
        }),
      ],
    ],
  ],
});
