import type { Row } from '../../board.js';
import { heatPanel, linesPanel } from '../../panels.js';
import { buckets, mean, quantile, REPLICA, sumRate } from '../../promql.js';

/** How long readings take, and how much ingest holds. */
export const LATENCY_ROW: Row = [
  'Latency and load',
  [
    linesPanel({
      title: 'End-to-end latency',
      description:
        'From the device time of a reading to its write on disk, including its time in an outbox. Devices whose clock is a minute off are left out.',
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
      title: 'Stage duration, p99',
      description:
        'Parse: read the messages of a batch. Rules: evaluate it. Store: write it to Redis, disk included; IngestLatencyHigh fires above 0.5 s. Ack: send what follows, PUBACKs included.',
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
      title: 'Store duration distribution',
      description: 'Batches by the time to write them. A second band above the first is a disk that stalls.',
      unit: 's',
      queries: [[buckets('telemetry_processing_duration_seconds', `stage="store",${REPLICA}`), '{{le}}']],
      width: 8,
      height: 8,
    }),
    linesPanel({
      title: 'In-flight messages by replica',
      description: 'Messages received and not yet acknowledged. The number grows as Redis falls behind.',
      unit: 'short',
      queries: [[`lamplighter_ingest_inflight{${REPLICA}}`, '{{instance}}']],
      width: 6,
      height: 7,
    }),
    linesPanel({
      title: 'Readings per batch',
      description:
        'Messages that arrive while a batch is written form the next batch. Large batches mean load.',
      unit: 'short',
      queries: [
        [mean('telemetry_batch_readings', REPLICA), 'mean'],
        [quantile(0.99, 'telemetry_batch_readings', { where: REPLICA }), 'p99'],
      ],
      width: 6,
      height: 7,
    }),
    linesPanel({
      title: 'Payload size',
      description: 'Mean message size of a batch, and its 99th percentile.',
      unit: 'bytes',
      queries: [
        [mean('telemetry_payload_bytes', REPLICA), 'mean'],
        [quantile(0.99, 'telemetry_payload_bytes', { where: REPLICA }), 'p99'],
      ],
      width: 6,
      height: 7,
    }),
    linesPanel({
      title: 'Repeated evaluations',
      description:
        'Parts of a batch that were evaluated again because another replica was first, or the device was not cached.',
      unit: 'cps',
      queries: [[sumRate(`telemetry_conflicts_total{${REPLICA}}`, 'instance'), '{{instance}}']],
      width: 6,
      height: 7,
    }),
  ],
];
