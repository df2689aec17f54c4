import { board } from '../board.js';
import { statPanel } from '../panels.js';
import { REPLICA, sumRate } from '../promql.js';
import { LATENCY_ROW } from './telemetry/latency.js';
import { PRESENCE_ROW } from './telemetry/presence.js';
import { RESULTS_ROW } from './telemetry/results.js';
import { SIMULATED_FLEET_ROW } from './telemetry/simulated-fleet.js';

/** Whether readings arrive, what happens to them, and what delays them. */
export const telemetry = board({
  name: 'telemetry',
  title: '2 Telemetry and ingest',
  description: 'Readings on their way from the socket to Redis, and as the simulated devices count them.',
  replicasOf: 'lamplighter_telemetry_messages_total',
  rows: [
    [
      'Health',
      [
        statPanel({
          title: 'Stored readings',
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
          description: 'Time since any replica last received telemetry.',
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
          title: 'Canary age',
          description:
            'Time since a canary reading last passed the broker and Redis, at the worst replica. Above 30 s that replica receives no telemetry.',
          unit: 's',
          queries: [[`max(lamplighter_mqtt_canary_age_seconds{${REPLICA}})`, 'age']],
          width: 4,
          height: 4,
          decimals: 1,
          thresholds: [['green'], ['yellow', 15], ['red', 30]],
        }),
        statPanel({
          title: 'Rejected readings',
          description: 'Share of readings rejected in five minutes. GET /v1/rejected shows samples.',
          unit: 'percentunit',
          queries: [['max(job:lamplighter_telemetry_rejected:ratio_rate5m)', 'rejected']],
          width: 4,
          height: 4,
          decimals: 2,
          noValue: 'no telemetry',
          thresholds: [['green'], ['yellow', 0.01], ['red', 0.05]],
        }),
        statPanel({
          title: 'Back-pressure',
          description:
            'Share of time in which a replica read nothing from the broker because Redis was behind. It protects memory. If it persists, the system is at its limit.',
          unit: 'percentunit',
          queries: [
            [
              `max(rate(lamplighter_ingest_backpressure_seconds_total{${REPLICA}}[$__rate_interval]))`,
              'back-pressure',
            ],
          ],
          width: 4,
          height: 4,
          decimals: 1,
          max: 1,
          thresholds: [['green'], ['yellow', 0.1], ['red', 0.5]],
        }),
        statPanel({
          title: 'In-flight messages',
          description: 'Messages received from the broker and not yet acknowledged.',
          unit: 'short',
          queries: [[`sum(lamplighter_ingest_inflight{${REPLICA}})`, 'in flight']],
          width: 4,
          height: 4,
          decimals: 0,
          thresholds: [['green'], ['yellow', 1000], ['red', 4000]],
        }),
      ],
    ],
    RESULTS_ROW,
    LATENCY_ROW,
    SIMULATED_FLEET_ROW,
    PRESENCE_ROW,
  ],
});
