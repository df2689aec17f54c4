import { board } from '../board.js';
import { gaugePanel, linesPanel, statesPanel, statPanel } from '../panels.js';
import { quantile, sumRate } from '../promql.js';

/** The health of the broker and Redis, and how close they are to their limits. */
export const brokerAndRedis = board({
  name: 'broker-and-redis',
  title: '5 Broker and Redis',
  description:
    'Statistics of the broker from $SYS, and of Redis from INFO. Lines end while a server is unavailable.',
  rows: [
    [
      'Health',
      [
        statPanel({
          title: 'Broker statistics age',
          description:
            'Time since the broker last published statistics on $SYS, which it does every ten seconds. Without them, dropped messages go unnoticed.',
          unit: 's',
          queries: [['min(lamplighter_broker_sys_age_seconds)', 'age']],
          width: 4,
          height: 5,
          decimals: 0,
          thresholds: [['green'], ['yellow', 25], ['red', 60]],
        }),
        statPanel({
          title: 'Dropped messages',
          description:
            'Messages that the broker dropped in the last ten minutes because a queue or its memory was full. Any value but 0 is a loss.',
          unit: 'short',
          queries: [['max(increase(lamplighter_broker_publish_dropped_total[10m]))', 'dropped']],
          width: 4,
          height: 5,
          decimals: 0,
          noValue: 'broker or rules down',
          thresholds: [['green'], ['red', 1]],
        }),
        statPanel({
          title: 'Connected replicas',
          description: 'Replicas of the rules service that are connected to the broker and subscribed.',
          unit: 'short',
          queries: [['sum(lamplighter_mqtt_connected)', 'connected']],
          width: 4,
          height: 5,
          decimals: 0,
          thresholds: [['red'], ['green', 1]],
        }),
        gaugePanel({
          title: 'Redis memory',
          description:
            'Share of the memory limit in use. At the limit Redis rejects all writes and evicts nothing.',
          unit: 'percentunit',
          queries: [
            [
              'max(lamplighter_redis_used_memory_bytes) / (max(lamplighter_redis_max_memory_bytes) > 0)',
              'used',
            ],
          ],
          width: 4,
          height: 5,
          max: 1,
          decimals: 1,
          noValue: 'no limit, or down',
          thresholds: [['green'], ['yellow', 0.7], ['red', 0.9]],
        }),
        statPanel({
          title: 'Failed Redis calls',
          description: 'Failed calls of the rules service to Redis per second, over five minutes.',
          unit: 'cps',
          queries: [['sum(job_op:lamplighter_store_operations_errors:rate5m)', 'errors']],
          width: 4,
          height: 5,
          decimals: 2,
          thresholds: [['green'], ['yellow', 0.01], ['red', 0.1]],
        }),
        statesPanel({
          title: 'Redis durability',
          description:
            'Green while Redis keeps confirmed writes through a crash: it responds, writes its append-only file, and evicts nothing.',
          queries: [
            ['min(lamplighter_store_durability_ok)', 'durable'],
            ['min(lamplighter_redis_aof_last_write_ok)', 'last write'],
          ],
          good: 'ok',
          bad: 'not ok',
          width: 4,
          height: 5,
        }),
      ],
    ],
    [
      'Broker',
      [
        linesPanel({
          title: 'Messages',
          description:
            'Messages published to the broker and delivered by it. Out exceeds in when messages have several subscribers.',
          unit: 'cps',
          queries: [
            ['max(rate(lamplighter_broker_publish_received_total[1m]))', 'in'],
            ['max(rate(lamplighter_broker_publish_sent_total[1m]))', 'out'],
            ['max(rate(lamplighter_broker_publish_dropped_total[1m]))', 'dropped'],
          ],
          width: 8,
          height: 8,
          colors: { in: 'green', out: 'blue', dropped: 'red' },
        }),
        linesPanel({
          title: 'Clients',
          description:
            'Connected clients, sessions kept for disconnected clients, subscriptions, connections that the services lost in the last minute, and client ids that two clients use.',
          unit: 'short',
          queries: [
            ['max(lamplighter_broker_clients)', 'connected'],
            ['max(lamplighter_broker_sessions_waiting)', 'disconnected'],
            ['max(lamplighter_broker_subscriptions)', 'subscriptions'],
            ['sum(increase(lamplighter_mqtt_reconnects_total[1m]))', 'lost by services'],
            ['max(lamplighter_broker_contested_clients)', 'contested'],
          ],
          width: 8,
          height: 8,
          decimals: 0,
          colors: {
            connected: 'green',
            disconnected: 'yellow',
            subscriptions: 'blue',
            'lost by services': 'red',
            contested: 'orange',
          },
        }),
        linesPanel({
          title: 'Network traffic',
          description: 'Bytes received and sent by the broker.',
          unit: 'Bps',
          queries: [
            ['max(rate(lamplighter_broker_received_bytes_total[1m]))', 'in'],
            ['max(rate(lamplighter_broker_sent_bytes_total[1m]))', 'out'],
          ],
          width: 8,
          height: 8,
          colors: { in: 'green', out: 'blue' },
        }),
        linesPanel({
          title: 'MQTT packets',
          description: 'Packets of all types, including connects, acknowledgements and pings.',
          unit: 'cps',
          queries: [
            ['max(rate(lamplighter_broker_messages_received_total[1m]))', 'in'],
            ['max(rate(lamplighter_broker_messages_sent_total[1m]))', 'out'],
          ],
          width: 8,
          height: 7,
          colors: { in: 'green', out: 'blue' },
        }),
        linesPanel({
          title: 'Stored messages',
          description:
            'Messages that the broker stores: retained ones (births of devices, and its own) and those queued for a client.',
          unit: 'short',
          queries: [
            ['max(lamplighter_broker_stored_messages)', 'stored'],
            ['max(lamplighter_broker_retained)', 'retained'],
          ],
          width: 8,
          height: 7,
          decimals: 0,
        }),
        linesPanel({
          title: 'Broker memory',
          description:
            'Allocated memory, and the size of the stored payloads. At 1 GiB the broker refuses messages.',
          unit: 'bytes',
          queries: [
            ['max(lamplighter_broker_heap_bytes)', 'allocated'],
            ['max(lamplighter_broker_stored_bytes)', 'stored payloads'],
          ],
          width: 8,
          height: 7,
        }),
        linesPanel({
          title: 'Lost canaries',
          description:
            'Share of the canary readings that were lost although later ones arrived. The same share of telemetry is lost. Expect 0.',
          unit: 'percentunit',
          queries: [
            [
              'sum(rate(lamplighter_mqtt_canaries_total{result="lost"}[5m])) / sum(rate(lamplighter_mqtt_canaries_total[5m]))',
              'lost',
            ],
          ],
          width: 12,
          height: 7,
          thresholds: [['green'], ['red', 0.02]],
        }),
        linesPanel({
          title: 'Canary age',
          description:
            'Time since a canary reading of this replica last passed the broker and Redis. CanaryStale fires above 30 s.',
          unit: 's',
          queries: [['lamplighter_mqtt_canary_age_seconds', '{{instance}}']],
          width: 12,
          height: 7,
          thresholds: [['green'], ['red', 30]],
        }),
      ],
    ],
    [
      'Redis',
      [
        linesPanel({
          title: 'Calls by operation',
          description: 'Calls of the rules service to Redis. One call carries a batch.',
          unit: 'cps',
          queries: [[sumRate('store_operations_total{result="ok"}', 'op'), '{{op}}']],
          width: 6,
          height: 8,
        }),
        linesPanel({
          title: 'Call duration, p99',
          description: 'From the call to the response of Redis, disk included.',
          unit: 's',
          queries: [[quantile(0.99, 'store_operation_duration_seconds', { by: ['op'] }), '{{op}}']],
          width: 6,
          height: 8,
        }),
        linesPanel({
          title: 'Call errors',
          description:
            'Failed calls by operation; each is retried or reported to its caller. Clock set back: the Redis clock went backwards, so pending waits restarted.',
          unit: 'cps',
          queries: [
            [sumRate('store_operations_total{result="error"}', 'op'), '{{op}}'],
            [sumRate('store_clock_set_backs_total'), 'clock set back'],
          ],
          width: 6,
          height: 8,
        }),
        linesPanel({
          title: 'Redis commands',
          description: 'Commands of all clients, including those inside scripts.',
          unit: 'cps',
          queries: [['max(rate(lamplighter_redis_commands_processed_total[$__rate_interval]))', 'commands']],
          width: 6,
          height: 8,
        }),
        linesPanel({
          title: 'Memory usage',
          description: 'Memory in use, and its limit. A limit of 0 means none.',
          unit: 'bytes',
          queries: [
            ['max(lamplighter_redis_used_memory_bytes)', 'used'],
            ['max(lamplighter_redis_max_memory_bytes)', 'limit'],
          ],
          width: 6,
          height: 7,
          colors: { used: 'blue', limit: 'red' },
        }),
        linesPanel({
          title: 'Append-only file size',
          description: 'The file grows with every write and is rewritten when it has doubled.',
          unit: 'bytes',
          queries: [['max(lamplighter_redis_aof_size_bytes)', 'size']],
          width: 6,
          height: 7,
        }),
        linesPanel({
          title: 'Redis clients',
          description: 'Connections of all services.',
          unit: 'short',
          queries: [['max(lamplighter_redis_clients)', 'connected']],
          width: 6,
          height: 7,
          decimals: 0,
        }),
        linesPanel({
          title: 'Uptime',
          description: 'A drop to 0 is a restart.',
          unit: 's',
          queries: [
            ['max(lamplighter_broker_uptime_seconds)', 'broker'],
            ['max(lamplighter_redis_uptime_seconds)', 'Redis'],
          ],
          width: 6,
          height: 7,
        }),
      ],
    ],
  ],
});
