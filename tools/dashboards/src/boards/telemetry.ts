import { board } from '../board.js';
import { heatPanel, linesPanel, statPanel } from '../panels.js';
import { buckets, mean, quantile, REPLICA, sumRate } from '../promql.js';
import { RESULTS } from './colors.js';

/** Every replica hears births and the broker's log; the others share their messages. */
const rejectedRate = (where: string) =>
  `sum by (kind, reason, instance) (rate(lamplighter_input_rejected_total{${where},${REPLICA}}[$__rate_interval]))`;
const NOT_UNDERSTOOD_BY_ALL = rejectedRate('kind=~"presence|connection"');
const NOT_UNDERSTOOD = rejectedRate('kind=~"telemetry|acknowledgement|edge|topic"');
const NOT_UNDERSTOOD_OTHERS = rejectedRate('kind=~"acknowledgement|edge|topic"');

/** Do readings come in, what becomes of them, and what holds them up? */
export const telemetry = board({
  name: 'telemetry',
  title: '2 Telemetry and ingest',
  description:
    'The way of a reading from the socket to Redis, in the rules service, and what the simulated fleet says of the same readings.',
  replicasOf: 'lamplighter_telemetry_messages_total',
  rows: [
    [
      'Does it flow?',
      [
        statPanel({
          title: 'Stored',
          description: 'Readings stored per second: valid, new and on disk in Redis.',
          unit: 'cps',
          queries: [[sumRate(`telemetry_messages_total{result=~"accepted|late",${REPLICA}}`), 'stored']],
          width: 4,
          height: 4,
          decimals: 1,
          thresholds: [['red'], ['green', 0.01]],
        }),
        statPanel({
          title: 'Last reading',
          description: 'Time since telemetry last arrived at any of the replicas.',
          unit: 's',
          queries: [
            [`time() - max(lamplighter_telemetry_last_message_timestamp_seconds{${REPLICA}} > 0)`, 'ago'],
          ],
          width: 4,
          height: 4,
          decimals: 1,
          noValue: 'none yet',
          thresholds: [['green'], ['yellow', 30], ['red', 120]],
        }),
        statPanel({
          title: 'Canary',
          description:
            'Time since a reading that a replica sends to itself through the broker was last in Redis, at the worst replica. Above 30 s the service is deaf.',
          unit: 's',
          queries: [[`max(lamplighter_mqtt_canary_age_seconds{${REPLICA}})`, 'age']],
          width: 4,
          height: 4,
          decimals: 1,
          thresholds: [['green'], ['yellow', 15], ['red', 30]],
        }),
        statPanel({
          title: 'Refused',
          description:
            'Of all readings in five minutes, the share that was refused. Samples are at GET /v1/rejected.',
          unit: 'percentunit',
          queries: [['max(job:lamplighter_telemetry_rejected:ratio_rate5m)', 'refused']],
          width: 4,
          height: 4,
          decimals: 2,
          noValue: 'no telemetry',
          thresholds: [['green'], ['yellow', 0.01], ['red', 0.05]],
        }),
        statPanel({
          title: 'Held back',
          description:
            'Share of the time in which a replica took nothing from the broker, because Redis was behind. It protects memory; if it stays, the limit is reached.',
          unit: 'percentunit',
          queries: [
            [
              `max(rate(lamplighter_ingest_backpressure_seconds_total{${REPLICA}}[$__rate_interval]))`,
              'held',
            ],
          ],
          width: 4,
          height: 4,
          decimals: 1,
          max: 1,
          thresholds: [['green'], ['yellow', 0.1], ['red', 0.5]],
        }),
        statPanel({
          title: 'Taken, not yet stored',
          description: 'Messages taken from the broker and not acknowledged yet.',
          unit: 'short',
          queries: [[`sum(lamplighter_ingest_inflight{${REPLICA}})`, 'in flight']],
          width: 4,
          height: 4,
          decimals: 0,
          thresholds: [['green'], ['yellow', 1000], ['red', 4000]],
        }),
      ],
    ],
    [
      'What becomes of readings',
      [
        linesPanel({
          title: 'By result',
          description:
            'Accepted is the new last state, late only enters the history, duplicate was known, stale was too old for a full window, retained was kept by the broker and is of unknown age, rejected was malformed, retried will be read again.',
          unit: 'cps',
          queries: [[sumRate(`telemetry_messages_total{${REPLICA}}`, 'result'), '{{result}}']],
          width: 12,
          height: 8,
          stacked: true,
          colors: RESULTS,
        }),
        linesPanel({
          title: 'By replica',
          description:
            'The broker shares readings out among the replicas; a flat line at 0 is a replica that gets none.',
          unit: 'cps',
          queries: [
            [sumRate(`telemetry_messages_total{result!="retried",${REPLICA}}`, 'instance'), '{{instance}}'],
          ],
          width: 12,
          height: 8,
          stacked: true,
        }),
        linesPanel({
          title: 'Readings that were not judged',
          description:
            'Late ones came after a newer one, replayed ones stood in a replay before its newest, retained ones were kept by the broker, stale ones were older than 30 s by their own clock. Restarts are devices whose order began again.',
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
          title: 'Refused, by reason',
          description: 'What the service will never take. Samples are at GET /v1/rejected.',
          unit: 'cps',
          queries: [[sumRate(`telemetry_rejected_total{${REPLICA}}`, 'reason'), '{{reason}}']],
          width: 8,
          height: 7,
        }),
        linesPanel({
          title: 'Receipts',
          description:
            'Readings that devices may forget, because they are stored, or refused for good. A receipt that was dropped on its way to the broker is asked for by sending again.',
          unit: 'cps',
          queries: [[sumRate(`telemetry_receipts_total{${REPLICA}}`, 'result'), '{{result}}']],
          width: 8,
          height: 7,
          colors: { stored: 'green', refused: 'red', dropped: 'yellow' },
        }),
        linesPanel({
          title: 'Not understood, by kind',
          description:
            'Messages a minute that were refused: readings, births, answers, reports of the edge; and connections that the broker closed. GET /v1/rejected says which field broke which rule.',
          unit: 'short',
          queries: [
            [`60 * max by (kind) (sum by (kind, instance) (${NOT_UNDERSTOOD_BY_ALL}))`, '{{kind}}'],
            [`60 * sum by (kind) (${NOT_UNDERSTOOD})`, '{{kind}}'],
          ],
          width: 8,
          height: 7,
        }),
        linesPanel({
          title: 'Not understood but telemetry, by reason',
          description: 'The same without readings, which have a panel of their own.',
          unit: 'short',
          queries: [
            [
              `60 * sum by (reason) (max by (kind, reason) (${NOT_UNDERSTOOD_BY_ALL}) or sum by (kind, reason) (${NOT_UNDERSTOOD_OTHERS}))`,
              '{{reason}}',
            ],
          ],
          width: 8,
          height: 7,
        }),
        linesPanel({
          title: 'Accepted, and suspicious',
          description:
            'Messages a minute that hold a value of another type than a rule needs or the fleet declares (type), or an integer beyond 2^53 (inexact).',
          unit: 'short',
          queries: [
            [
              `60 * sum by (kind, reason) (rate(lamplighter_input_suspicious_total{${REPLICA}}[$__rate_interval]))`,
              '{{kind}}: {{reason}}',
            ],
          ],
          width: 8,
          height: 7,
        }),
      ],
    ],
    [
      'Where the time goes',
      [
        linesPanel({
          title: 'From the device to the disk',
          description:
            "From the device's time of a reading until Redis has it on disk, its time in an outbox included. Clocks that are a minute off are left out.",
          unit: 's',
          queries: [
            [quantile(0.5, 'telemetry_end_to_end_seconds', { where: REPLICA }), 'p50'],
            [quantile(0.99, 'telemetry_end_to_end_seconds', { where: REPLICA }), 'p99'],
          ],
          width: 8,
          height: 8,
          colors: { p50: 'blue', p99: 'orange' },
        }),
        linesPanel({
          title: 'Time in a stage, p99',
          description:
            'Parse: reading the messages of a batch. Rules: judging it. Store: writing it to Redis, disk included; above 0.5 s somebody is told. Ack: sending what follows from it, until the broker is told.',
          unit: 's',
          queries: [
            [
              quantile(0.99, 'telemetry_processing_duration_seconds', { where: REPLICA, by: ['stage'] }),
              '{{stage}}',
            ],
          ],
          width: 8,
          thresholds: [['green'], ['red', 0.5]],
          height: 8,
          colors: { parse: 'purple', rules: 'blue', store: 'orange', ack: 'green' },
        }),
        heatPanel({
          title: 'Time in Redis',
          description:
            'How many batches took how long to be written; a second band above the first is a disk that stalls.',
          unit: 's',
          queries: [[buckets('telemetry_processing_duration_seconds', `stage="store",${REPLICA}`), '{{le}}']],
          width: 8,
          height: 8,
        }),
        linesPanel({
          title: 'Taken, not yet stored, by replica',
          description: 'Messages taken and not acknowledged: the more, the further Redis is behind.',
          unit: 'short',
          queries: [[`lamplighter_ingest_inflight{${REPLICA}}`, '{{instance}}']],
          width: 6,
          height: 7,
        }),
        linesPanel({
          title: 'Readings per batch',
          description:
            'What arrived while the last batch was written is the next batch: the larger, the busier.',
          unit: 'short',
          queries: [
            [mean('telemetry_batch_readings', REPLICA), 'mean'],
            [quantile(0.99, 'telemetry_batch_readings', { where: REPLICA }), 'p99'],
          ],
          width: 6,
          height: 7,
        }),
        linesPanel({
          title: 'Size of payloads',
          description: 'Mean payload of a batch, and its 99th percentile.',
          unit: 'bytes',
          queries: [
            [mean('telemetry_payload_bytes', REPLICA), 'mean'],
            [quantile(0.99, 'telemetry_payload_bytes', { where: REPLICA }), 'p99'],
          ],
          width: 6,
          height: 7,
        }),
        linesPanel({
          title: 'Judged again',
          description:
            'Parts of a batch judged once more, because another replica was first or the device was new.',
          unit: 'cps',
          queries: [[sumRate(`telemetry_conflicts_total{${REPLICA}}`, 'instance'), '{{instance}}']],
          width: 6,
          height: 7,
        }),
      ],
    ],
    [
      'The same readings, as the simulated fleet counts them',
      [
        linesPanel({
          title: 'From the sensor to the receipt',
          description:
            'Taken by a device, published to the broker (again counts again), acknowledged by the broker, and known to be stored.',
          unit: 'cps',
          queries: [
            [sumRate('sim_taken_total'), 'taken'],
            [sumRate('sim_published_total'), 'published'],
            [sumRate('sim_acked_total'), 'acknowledged'],
            [sumRate('sim_receipts_total'), 'receipts'],
          ],
          width: 8,
          height: 8,
        }),
        linesPanel({
          title: 'Kept, on the way, uncertain',
          description:
            'Readings in outboxes until a receipt comes, readings on their way to the broker, and readings whose connection ended before the broker answered.',
          unit: 'short',
          queries: [
            ['sum(lamplighter_sim_outbox_readings)', 'in outboxes'],
            ['sum(lamplighter_sim_in_flight)', 'on their way'],
            ['sum(lamplighter_sim_unaccounted)', 'uncertain'],
          ],
          width: 8,
          height: 8,
        }),
        linesPanel({
          title: 'Given up by devices',
          description:
            'Readings that a device dropped itself, by the place where it did: counted, never silent.',
          unit: 'cps',
          queries: [[sumRate('sim_dropped_total', 'reason'), '{{reason}}']],
          width: 8,
          height: 8,
        }),
        linesPanel({
          title: 'Bytes of simulated devices',
          description: 'MQTT on the sockets of simulated devices, in each direction.',
          unit: 'Bps',
          queries: [
            [sumRate('sim_sent_bytes_total'), 'sent'],
            [sumRate('sim_received_bytes_total'), 'received'],
          ],
          width: 8,
          height: 7,
        }),
        linesPanel({
          title: 'Wake-ups and decisions',
          description:
            'Times that a radio woke up (a packet after a second without one, or as RADIO_GAP_MS says), and commands that changed a lamp.',
          unit: 'cps',
          queries: [
            [sumRate('sim_wake_ups_total'), 'wake-ups'],
            [sumRate('sim_decisions_total'), 'decisions'],
          ],
          width: 8,
          height: 7,
        }),
        linesPanel({
          title: 'Cost of a decision',
          description:
            'Bytes in both directions for each command that changed a lamp, over the last ten minutes: to compare telemetry policies.',
          unit: 'bytes',
          queries: [
            [
              '(sum(rate(lamplighter_sim_sent_bytes_total[10m])) + sum(rate(lamplighter_sim_received_bytes_total[10m]))) / sum(rate(lamplighter_sim_decisions_total[10m]))',
              'bytes per decision',
            ],
          ],
          width: 8,
          height: 7,
        }),
        linesPanel({
          title: 'Connections of simulated devices',
          description: 'Simulated devices that are connected, and those that are not.',
          unit: 'short',
          queries: [['sum by (state) (lamplighter_sim_devices)', '{{state}}']],
          width: 6,
          height: 7,
          stacked: true,
          colors: { connected: 'green', disconnected: 'red' },
        }),
        linesPanel({
          title: 'Lost and found',
          description: 'Connections that devices lost, by cause, and devices that came back.',
          unit: 'cps',
          queries: [
            [sumRate('sim_disconnections_total', 'cause'), 'lost: {{cause}}'],
            [sumRate('sim_reconnects_total'), 'back'],
          ],
          width: 6,
          height: 7,
          colors: { back: 'green' },
        }),
        linesPanel({
          title: 'Births and wills',
          description:
            'What the service learnt of presence: devices born and gone; ignored is the word of an old session.',
          unit: 'cps',
          queries: [[sumRate(`presence_messages_total{${REPLICA}}`, 'result'), '{{result}}']],
          width: 6,
          height: 7,
          colors: { born: 'green', gone: 'yellow', malformed: 'red', full: 'dark-red' },
        }),
        linesPanel({
          title: 'Retained states',
          description:
            'Last states of devices, for fleets that publish them: published, removed from the broker, or dropped because too many waited or the link was down.',
          unit: 'cps',
          queries: [[sumRate(`state_publishes_total{${REPLICA}}`, 'result'), '{{result}}']],
          width: 6,
          height: 7,
          colors: { published: 'green', dropped: 'red' },
        }),
        linesPanel({
          title: 'Sessions that ended',
          description:
            'Devices that went away, simulated or not. Will: their will or goodbye came. Takeover: a new session began while the one before stood. Timeout: they fell silent, counted when they speak again.',
          unit: 'cps',
          queries: [[sumRate(`device_sessions_lost_total{${REPLICA}}`, 'cause'), '{{cause}}']],
          width: 6,
          height: 7,
          colors: { will: 'yellow', takeover: 'blue', timeout: 'red' },
        }),
        linesPanel({
          title: 'Devices removed',
          description:
            'Devices that were removed with all that was stored of them: away for longer than their birth said (forget_after), with their fleet, or by a request to the API.',
          unit: 'cps',
          queries: [[sumRate('devices_removed_total', 'cause'), '{{cause}}']],
          width: 6,
          height: 7,
        }),
      ],
    ],
  ],
});
