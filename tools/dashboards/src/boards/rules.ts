import { board } from '../board.js';
import { heatPanel, linesPanel, statPanel } from '../panels.js';
import { buckets, quantile, REPLICA, sumRate } from '../promql.js';
import { ENDS } from './colors.js';

/** What do rules decide, do any of them fail, and do their commands work? */
export const rules = board({
  name: 'rules',
  title: '4 Rules',
  description:
    'Rules of all fleets together. No metric carries a rule or a device: which rule fails, on which device and why, the API tells.',
  replicasOf: 'lamplighter_rule_evaluations_total',
  rows: [
    [
      'Do they work?',
      [
        statPanel({
          title: 'Rules in force',
          description:
            'Rules that replicas judge readings by, of all fleets that were heard of; they must agree.',
          unit: 'short',
          queries: [[`max(lamplighter_rules_loaded{${REPLICA}})`, 'rules']],
          width: 4,
          height: 4,
          decimals: 0,
          thresholds: [['red'], ['green', 1]],
        }),
        statPanel({
          title: 'Left out',
          description: 'Enabled rules that cannot be read or compiled. They do nothing; the others go on.',
          unit: 'short',
          queries: [[`max(lamplighter_rules_unusable{${REPLICA}})`, 'rules']],
          width: 4,
          height: 4,
          decimals: 0,
          thresholds: [['green'], ['red', 1]],
        }),
        statPanel({
          title: 'Last read',
          description: 'Time since a replica last read rules: at its start, and within a second of a change.',
          unit: 's',
          queries: [[`time() - max(lamplighter_rules_reload_timestamp_seconds{${REPLICA}} > 0)`, 'ago']],
          width: 4,
          height: 4,
          decimals: 0,
          noValue: 'not yet',
        }),
        statPanel({
          title: 'Evaluations',
          description: 'Rules judged per second: readings times the rules in whose scope they are.',
          unit: 'cps',
          queries: [[sumRate(`rule_evaluations_total{${REPLICA}}`), 'evaluations']],
          width: 4,
          height: 4,
          decimals: 1,
          thresholds: [['text'], ['green', 0.01]],
        }),
        statPanel({
          title: 'Failed in ten minutes',
          description:
            'Evaluations that ended with an error or used up their budget. Last errors: the rule in the API.',
          unit: 'short',
          queries: [
            [
              `sum(increase(lamplighter_rule_evaluations_total{result=~"error|budget_exceeded",${REPLICA}}[10m]))`,
              'failed',
            ],
          ],
          width: 4,
          height: 4,
          decimals: 0,
          thresholds: [['green'], ['red', 1]],
        }),
        statPanel({
          title: 'Commands of rules',
          description: 'Commands that rules have issued per second.',
          unit: 'cps',
          queries: [[sumRate('commands_total{transition="pending",source="rule"}'), 'commands']],
          width: 4,
          height: 4,
          decimals: 1,
          thresholds: [['text'], ['green', 0.01]],
        }),
      ],
    ],
    [
      'What they decide',
      [
        linesPanel({
          title: 'Evaluations by verdict',
          description:
            'Undecided: what the condition asks for is missing or too old. Error and budget exceeded are faults of a rule.',
          unit: 'cps',
          queries: [[sumRate(`rule_evaluations_total{${REPLICA}}`, 'result'), '{{result}}']],
          width: 12,
          height: 8,
          stacked: true,
          colors: {
            matched: 'green',
            unmatched: 'blue',
            undecided: 'yellow',
            error: 'red',
            budget_exceeded: 'dark-red',
          },
        }),
        linesPanel({
          title: 'Commands that rules issue, and how they end',
          description: 'Pending is issued. Superseded: the next verdict came before the device had it.',
          unit: 'cps',
          queries: [
            [
              sumRate(
                'commands_total{source="rule",transition=~"pending|succeeded|failed|rejected|expired|superseded|cancelled|unknown"}',
                'transition',
              ),
              '{{transition}}',
            ],
          ],
          width: 12,
          height: 8,
          colors: { pending: 'text', ...ENDS },
        }),
        linesPanel({
          title: 'Time to judge a batch',
          description: 'The stage rules of ingest: all rules over all readings of a batch.',
          unit: 's',
          queries: [
            [
              quantile(0.5, 'telemetry_processing_duration_seconds', { where: `stage="rules",${REPLICA}` }),
              'p50',
            ],
            [
              quantile(0.99, 'telemetry_processing_duration_seconds', { where: `stage="rules",${REPLICA}` }),
              'p99',
            ],
          ],
          width: 12,
          height: 8,
          colors: { p50: 'blue', p99: 'orange' },
        }),
        heatPanel({
          title: 'Time to judge, all batches',
          description: 'How many batches took how long to judge.',
          unit: 's',
          queries: [[buckets('telemetry_processing_duration_seconds', `stage="rules",${REPLICA}`), '{{le}}']],
          width: 12,
          height: 8,
        }),
      ],
    ],
    [
      'Time, many sensors, and effects',
      [
        linesPanel({
          title: 'Timers',
          description:
            'Holds, absences and settling times that were due, of devices and of groups; gone: nobody needs it any more.',
          unit: 'cps',
          queries: [[sumRate(`rule_timers_total{${REPLICA}}`, 'kind'), '{{kind}}']],
          width: 8,
          height: 8,
        }),
        linesPanel({
          title: 'Quorums',
          description:
            'Counts of votes by what came of them: decided, no majority, still gathering, or lost because too few sensors are fresh.',
          unit: 'cps',
          queries: [
            [sumRate(`quorum_decisions_total{${REPLICA}}`, 'outcome'), '{{outcome}}'],
            [sumRate(`quorum_writes_total{${REPLICA}}`, 'result'), 'changed: {{result}}'],
            [sumRate(`quorum_votes_refused_total{${REPLICA}}`), 'votes refused'],
          ],
          width: 8,
          height: 8,
          colors: { decided: 'green', undecided: 'yellow', lost: 'red', 'votes refused': 'dark-red' },
        }),
        linesPanel({
          title: 'Did it work?',
          description:
            'Commands whose effect a rule expects: effective, ineffective (a lamp that is on and does not shine), or not known.',
          unit: 'cps',
          queries: [[sumRate(`command_effects_total{${REPLICA}}`, 'outcome'), '{{outcome}}']],
          width: 8,
          height: 8,
          colors: { effective: 'green', ineffective: 'red' },
        }),
        linesPanel({
          title: 'Decided alone',
          description:
            'Decisions that devices took while their link was down, judged when they and their neighbours are back.',
          unit: 'cps',
          queries: [[sumRate(`edge_decisions_total{${REPLICA}}`, 'judgement'), '{{judgement}}']],
          width: 8,
          height: 7,
          colors: { agrees: 'green', disagrees: 'red', neighbours_disagreed: 'orange', data_missing: 'text' },
        }),
        linesPanel({
          title: 'Lamps that are on',
          description:
            'In the simulated fleet. A night lasts half of a simulated day, and the rule follows it.',
          unit: 'short',
          queries: [
            ['sum(lamplighter_sim_lamps_on)', 'on'],
            ['sum(lamplighter_sim_devices)', 'lamps'],
          ],
          width: 8,
          height: 7,
          decimals: 0,
          colors: { on: 'yellow', lamps: 'text' },
        }),
        linesPanel({
          title: 'Rules in force, by replica',
          description:
            'Replicas agree within a second of a change; one that stays apart does not hear of changes.',
          unit: 'short',
          queries: [[`lamplighter_rules_loaded{${REPLICA}}`, '{{instance}}']],
          width: 8,
          height: 7,
          decimals: 0,
        }),
      ],
    ],
  ],
});
