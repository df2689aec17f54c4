import { board } from '../board.js';
import { heatPanel, linesPanel, statPanel } from '../panels.js';
import { buckets, quantile, REPLICA, sumRate } from '../promql.js';
import { ENDS } from './colors.js';

/** What rules decide, which fail, and whether their commands have an effect. */
export const rules = board({
  name: 'rules',
  title: '4 Rules',
  description:
    'Rules of all fleets together. Metrics have no label for a rule or device; use the API to find which rule fails, on which device and why.',
  replicasOf: 'lamplighter_rule_evaluations_total',
  rows: [
    [
      'Health',
      [
        statPanel({
          title: 'Rules in force',
          description: 'Rules of all known fleets that a replica evaluates. All replicas must agree.',
          unit: 'short',
          queries: [[`max(lamplighter_rules_loaded{${REPLICA}})`, 'rules']],
          width: 4,
          height: 4,
          decimals: 0,
          thresholds: [['red'], ['green', 1]],
        }),
        statPanel({
          title: 'Unusable rules',
          description:
            'Enabled rules that cannot be read or compiled. They do nothing; other rules are not affected.',
          unit: 'short',
          queries: [[`max(lamplighter_rules_unusable{${REPLICA}})`, 'rules']],
          width: 4,
          height: 4,
          decimals: 0,
          thresholds: [['green'], ['red', 1]],
        }),
        statPanel({
          title: 'Last reload',
          description:
            'Time since a replica last read the rules: at startup, and within a second of a change.',
          unit: 's',
          queries: [[`time() - max(lamplighter_rules_reload_timestamp_seconds{${REPLICA}} > 0)`, 'ago']],
          width: 4,
          height: 4,
          decimals: 0,
          noValue: 'never',
        }),
        statPanel({
          title: 'Evaluation rate',
          description:
            'Rule evaluations per second: one for each reading and each rule in whose scope it is.',
          unit: 'cps',
          queries: [[sumRate(`rule_evaluations_total{${REPLICA}}`), 'evaluations']],
          width: 4,
          height: 4,
          decimals: 1,
          thresholds: [['text'], ['green', 0.01]],
        }),
        statPanel({
          title: 'Failed evaluations',
          description:
            'Evaluations in the last ten minutes that failed or exceeded their budget. The API shows the last error of each rule.',
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
          title: 'Command rate',
          description: 'Commands that rules issue per second.',
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
      'Decisions',
      [
        linesPanel({
          title: 'Evaluations by result',
          description:
            'Undecided: the condition lacks a value, or the value is too old. Error and budget_exceeded are faults of a rule.',
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
          title: 'Rule commands by state',
          description:
            'Pending: issued by a rule. The others are final states. Superseded: replaced by the next verdict before its device received it.',
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
          title: 'Evaluation time',
          description: 'Time to evaluate all rules for a batch of readings: the rules stage of ingest.',
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
          title: 'Evaluation time distribution',
          description: 'Batches by evaluation time.',
          unit: 's',
          queries: [[buckets('telemetry_processing_duration_seconds', `stage="rules",${REPLICA}`), '{{le}}']],
          width: 12,
          height: 8,
        }),
      ],
    ],
    [
      'Timers, quorums and effects',
      [
        linesPanel({
          title: 'Timers',
          description:
            'Timers of holds, absences and settle times that were due, of devices and of groups. Gone: no longer needed.',
          unit: 'cps',
          queries: [[sumRate(`rule_timers_total{${REPLICA}}`, 'kind'), '{{kind}}']],
          width: 8,
          height: 8,
        }),
        linesPanel({
          title: 'Quorums',
          description:
            'Tallies by outcome. Undecided: no majority. Gathering: too few sensors have reported so far. Lost: too few fresh votes. Also decisions written, and votes rejected.',
          unit: 'cps',
          queries: [
            [sumRate(`quorum_decisions_total{${REPLICA}}`, 'outcome'), '{{outcome}}'],
            [sumRate(`quorum_writes_total{${REPLICA}}`, 'result'), 'write: {{result}}'],
            [sumRate(`quorum_votes_refused_total{${REPLICA}}`), 'rejected votes'],
            [sumRate(`rules_suspended_total{${REPLICA}}`), 'suspended rules'],
          ],
          width: 8,
          height: 8,
          colors: { decided: 'green', undecided: 'yellow', lost: 'red', 'rejected votes': 'dark-red' },
        }),
        linesPanel({
          title: 'Command effects',
          description:
            'Whether telemetry shows the effect that a rule expects. Ineffective: the device acknowledged, but nothing changed. Unmeasured: not known.',
          unit: 'cps',
          queries: [[sumRate(`command_effects_total{${REPLICA}}`, 'outcome'), '{{outcome}}']],
          width: 8,
          height: 8,
          colors: { effective: 'green', ineffective: 'red' },
        }),
        linesPanel({
          title: 'Edge decisions',
          description:
            'Decisions that devices made while their link was down, evaluated by the server after they and their neighbours have reconnected.',
          unit: 'cps',
          queries: [[sumRate(`edge_decisions_total{${REPLICA}}`, 'judgement'), '{{judgement}}']],
          width: 8,
          height: 7,
          colors: { agrees: 'green', disagrees: 'red', neighbours_disagreed: 'orange', data_missing: 'text' },
        }),
        linesPanel({
          title: 'Lamps on',
          description:
            'Lamps of the simulated fleet. Night is half of a simulated day, and the rule follows it.',
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
          title: 'Rules in force by replica',
          description:
            'Replicas agree within a second of a change. One that keeps differing does not receive changes.',
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
