import { board } from '../board.js';
import { gaugePanel, linesPanel, statesPanel, statPanel } from '../panels.js';
import { quantile, sumRate } from '../promql.js';

/** Are the two servers that everything stands on well, and how near are they to their limits? */
export const brokerAndRedis = board({
  name: 'broker-and-redis',
  title: '5 Broker and Redis',
  description:
    'What the broker tells of itself on $SYS and Redis on our own connection, in every way to run this. While one of them is away its lines end, rather than stay at an old value.',
  rows: [
    [
      'Are they well?',
      [
        statPanel({
          title: 'Silence of the broker',
          description:
            'Time since the broker last told of itself; it does so every ten seconds. After a minute nobody would see that it drops messages.',
          unit: 's',
          queries: [['min(lamplighter_broker_sys_age_seconds)', 'age']],
          width: 4,
          height: 5,
          decimals: 0,
          thresholds: [['green'], ['yellow', 25], ['red', 60]],
        }),
        statPanel({
          title: 'Dropped in ten minutes',
          description:
            'Messages that the broker dropped, since a queue or its memory was full. Anything but 0 is a loss.',
          unit: 'short',
          queries: [['max(increase(lamplighter_broker_publish_dropped_total[10m]))', 'dropped']],
          width: 4,
          height: 5,
          decimals: 0,
          noValue: 'broker or rules is away',
          thresholds: [['green'], ['red', 1]],
        }),
        statPanel({
          title: 'Connections of the services',
          description: 'Replicas of the rules service that are connected to the broker and subscribed.',
          unit: 'short',
          queries: [['sum(lamplighter_mqtt_connected)', 'connected']],
          width: 4,
          height: 5,
          decimals: 0,
          thresholds: [['red'], ['green', 1]],
        }),
        gaugePanel({
          title: 'Memory of Redis',
          description:
            'Of the memory that Redis may use. When it is full every write is refused, and nothing is evicted.',
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
          noValue: 'no bound, or away',
          thresholds: [['green'], ['yellow', 0.7], ['red', 0.9]],
        }),
        statPanel({
          title: 'Calls that fail',
          description: 'Calls of the rules service to Redis that fail, per second, over five minutes.',
          unit: 'cps',
          queries: [['sum(job_op:lamplighter_store_operations_errors:rate5m)', 'errors']],
          width: 4,
          height: 5,
          decimals: 2,
          thresholds: [['green'], ['yellow', 0.01], ['red', 0.1]],
        }),
        statesPanel({
          title: 'Durable',
          description:
            'Green while Redis would keep what it answered through a crash: it answers, writes its append-only file, and evicts nothing.',
          queries: [
            ['min(lamplighter_store_durability_ok)', 'keeps commands'],
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
            'Messages published to the broker, and by it to those who listen. Out is more than in where several listen.',
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
            'Connected clients, sessions kept for clients that are away, subscriptions, connections that the services themselves lost in a minute, and client ids that two clients fight over.',
          unit: 'short',
          queries: [
            ['max(lamplighter_broker_clients)', 'connected'],
            ['max(lamplighter_broker_sessions_waiting)', 'away'],
            ['max(lamplighter_broker_subscriptions)', 'subscriptions'],
            ['sum(increase(lamplighter_mqtt_reconnects_total[1m]))', 'lost by services'],
            ['max(lamplighter_broker_contested_clients)', 'contested'],
          ],
          width: 8,
          height: 8,
          decimals: 0,
          colors: {
            connected: 'green',
            away: 'yellow',
            subscriptions: 'blue',
            'lost by services': 'red',
            contested: 'orange',
          },
        }),
        linesPanel({
          title: 'Traffic',
          description: 'Bytes that the broker receives and sends.',
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
          title: 'Packets of any kind',
          description: 'Messages and everything around them: connects, acknowledgements, pings.',
          unit: 'cps',
          queries: [
            ['max(rate(lamplighter_broker_messages_received_total[1m]))', 'in'],
            ['max(rate(lamplighter_broker_messages_sent_total[1m]))', 'out'],
          ],
          width: 6,
          height: 7,
          colors: { in: 'green', out: 'blue' },
        }),
        linesPanel({
          title: 'Held messages',
          description:
            'Messages that the broker holds: retained ones (births of devices, and its own) and those that wait for a client.',
          unit: 'short',
          queries: [
            ['max(lamplighter_broker_stored_messages)', 'held'],
            ['max(lamplighter_broker_retained)', 'retained'],
          ],
          width: 6,
          height: 7,
          decimals: 0,
        }),
        linesPanel({
          title: 'Memory of the broker',
          description:
            'What the broker has allocated, and the payloads that it holds. It refuses messages at 1 GiB.',
          unit: 'bytes',
          queries: [
            ['max(lamplighter_broker_heap_bytes)', 'allocated'],
            ['max(lamplighter_broker_stored_bytes)', 'payloads held'],
          ],
          width: 6,
          height: 7,
        }),
        linesPanel({
          title: 'Canaries lost',
          description:
            'Readings that replicas send to themselves and that did not come through although later ones did: the same share of telemetry is missing. It should be 0.',
          unit: 'percentunit',
          queries: [
            [
              'sum(rate(lamplighter_mqtt_canaries_total{result="lost"}[5m])) / sum(rate(lamplighter_mqtt_canaries_total[5m]))',
              'lost',
            ],
          ],
          width: 6,
          height: 7,
          thresholds: [['green'], ['red', 0.02]],
        }),
        linesPanel({
          title: 'Age of the canary',
          description:
            'Time since a reading that a replica sends to itself through the broker was last in Redis. Above 30 s somebody is told.',
          unit: 's',
          queries: [['lamplighter_mqtt_canary_age_seconds', '{{instance}}']],
          width: 6,
          height: 7,
          thresholds: [['green'], ['red', 30]],
        }),
      ],
    ],
    [
      'Redis',
      [
        linesPanel({
          title: 'Calls, by what they do',
          description: 'Calls of the rules service to Redis; a call carries a batch.',
          unit: 'cps',
          queries: [[sumRate('store_operations_total{result="ok"}', 'op'), '{{op}}']],
          width: 6,
          height: 8,
        }),
        linesPanel({
          title: 'Time of a call, p99',
          description: 'From the call to the answer of Redis, disk included, by what it does.',
          unit: 's',
          queries: [[quantile(0.99, 'store_operation_duration_seconds', { by: ['op'] }), '{{op}}']],
          width: 6,
          height: 8,
        }),
        linesPanel({
          title: 'What goes wrong',
          description:
            'Calls that fail, by what they do: each is tried again, or told to whoever asked. Clock set back: times that the clock of Redis was, so that waits began anew.',
          unit: 'cps',
          queries: [
            [sumRate('store_operations_total{result="error"}', 'op'), '{{op}}'],
            [sumRate('store_clock_set_backs_total'), 'clock set back'],
          ],
          width: 6,
          height: 8,
        }),
        linesPanel({
          title: 'Commands that Redis runs',
          description: 'Of every client, those inside scripts included.',
          unit: 'cps',
          queries: [['max(rate(lamplighter_redis_commands_processed_total[$__rate_interval]))', 'commands']],
          width: 6,
          height: 8,
        }),
        linesPanel({
          title: 'Memory that Redis uses',
          description: 'What Redis uses, and what it may use; 0 is no bound.',
          unit: 'bytes',
          queries: [
            ['max(lamplighter_redis_used_memory_bytes)', 'used'],
            ['max(lamplighter_redis_max_memory_bytes)', 'bound'],
          ],
          width: 6,
          height: 7,
          colors: { used: 'blue', bound: 'red' },
        }),
        linesPanel({
          title: 'Append-only file',
          description: 'It grows with every write and is rewritten when it has doubled.',
          unit: 'bytes',
          queries: [['max(lamplighter_redis_aof_size_bytes)', 'size']],
          width: 6,
          height: 7,
        }),
        linesPanel({
          title: 'Clients of Redis',
          description: 'Connections, of all services.',
          unit: 'short',
          queries: [['max(lamplighter_redis_clients)', 'connected']],
          width: 6,
          height: 7,
          decimals: 0,
        }),
        linesPanel({
          title: 'Time since the start',
          description: 'A line that falls to 0 is a restart.',
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
