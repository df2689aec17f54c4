import type { Row } from '../../board.js';
import { linesPanel } from '../../panels.js';
import { REPLICA, sumRate } from '../../promql.js';
import { RESULTS } from '../colors.js';

/** Every replica receives births and the broker's log; they share the other messages. */
const rejectedRate = (where: string) =>
  `sum by (kind, reason, instance) (rate(lamplighter_input_rejected_total{${where},${REPLICA}}[$__rate_interval]))`;
const REJECTED_BY_EACH = rejectedRate('kind=~"presence|connection"');
const REJECTED = rejectedRate('kind=~"telemetry|acknowledgement|edge|topic"');
const REJECTED_EXCEPT_TELEMETRY = rejectedRate('kind=~"acknowledgement|edge|topic"');
/** What happened to each reading, and other input that was rejected. */
export const RESULTS_ROW: Row = [
  'Results',
  [
    linesPanel({
      title: 'Readings by result',
      description:
        'Accepted: the new last state. Late: stored only in the window. Duplicate: stored before. Stale: too old for a full window. Retained: redelivered by the broker, of unknown age. Rejected: invalid. Retried: waits for Redis and counts again.',
      unit: 'cps',
      queries: [[sumRate(`telemetry_messages_total{${REPLICA}}`, 'result'), '{{result}}']],
      width: 12,
      height: 8,
      stacked: true,
      colors: RESULTS,
    }),
    linesPanel({
      title: 'Readings by replica',
      description:
        'The broker distributes readings among the replicas. A flat line at 0 is a replica that receives none.',
      unit: 'cps',
      queries: [
        [sumRate(`telemetry_messages_total{result!="retried",${REPLICA}}`, 'instance'), '{{instance}}'],
      ],
      width: 12,
      height: 8,
      stacked: true,
    }),
    linesPanel({
      title: 'Readings not evaluated',
      description:
        'Late: older than the last state. Replayed: in a replay, not its newest. Retained: redelivered by the broker. Stale: older than 30 s by their own clock. Restart: a device started a new order.',
      unit: 'cps',
      queries: [
        [sumRate(`telemetry_unjudged_total{${REPLICA}}`, 'reason'), '{{reason}}'],
        [sumRate(`telemetry_order_restarts_total{${REPLICA}}`, 'reason'), 'restart: {{reason}}'],
      ],
      width: 8,
      height: 7,
      colors: RESULTS,
    }),
    linesPanel({
      title: 'Rejected readings by reason',
      description: 'Readings that are rejected permanently. GET /v1/rejected shows samples.',
      unit: 'cps',
      queries: [[sumRate(`telemetry_rejected_total{${REPLICA}}`, 'reason'), '{{reason}}']],
      width: 8,
      height: 7,
    }),
    linesPanel({
      title: 'Receipts',
      description:
        'Readings that devices can delete because they are stored, or rejected permanently. Dropped: the receipt did not reach the broker, so the device sends the reading again.',
      unit: 'cps',
      queries: [[sumRate(`telemetry_receipts_total{${REPLICA}}`, 'result'), '{{result}}']],
      width: 8,
      height: 7,
      colors: { stored: 'green', refused: 'red', dropped: 'yellow' },
    }),
    linesPanel({
      title: 'Rejected input by kind',
      description:
        'Messages rejected per minute: readings, births, acknowledgements, edge reports; and connections that the broker closed. GET /v1/rejected shows the field and its error.',
      unit: 'cpm',
      queries: [
        [`60 * max by (kind) (sum by (kind, instance) (${REJECTED_BY_EACH}))`, '{{kind}}'],
        [`60 * sum by (kind) (${REJECTED})`, '{{kind}}'],
      ],
      width: 8,
      height: 7,
    }),
    linesPanel({
      title: 'Other rejected input by reason',
      description: 'Rejected messages and connections per minute, except telemetry.',
      unit: 'cpm',
      queries: [
        [
          `60 * sum by (reason) (max by (kind, reason) (${REJECTED_BY_EACH}) or sum by (kind, reason) (${REJECTED_EXCEPT_TELEMETRY}))`,
          '{{reason}}',
        ],
      ],
      width: 8,
      height: 7,
    }),
    linesPanel({
      title: 'Suspicious input',
      description:
        'Messages accepted per minute that are probably wrong. Type: a value of a different type than a rule needs or the fleet declares. Inexact: an integer beyond 2^53. Retained junk: messages on presence topics other than births, cleared at the broker.',
      unit: 'cpm',
      queries: [
        [
          `60 * sum by (kind, reason) (rate(lamplighter_input_suspicious_total{${REPLICA}}[$__rate_interval]))`,
          '{{kind}}: {{reason}}',
        ],
        [
          `60 * sum(rate(lamplighter_retained_junk_cleared_total{${REPLICA}}[$__rate_interval]))`,
          'retained junk cleared',
        ],
      ],
      width: 8,
      height: 7,
    }),
  ],
];
