import type { Row } from '../../board.js';
import { linesPanel } from '../../panels.js';
import { sumRate } from '../../promql.js';

/** The same readings, as the simulated devices count them. */
export const SIMULATED_FLEET_ROW: Row = [
  'Simulated fleet',
  [
    linesPanel({
      title: 'Readings from sensor to receipt',
      description:
        'Readings taken by devices, published (repeats included), acknowledged by the broker, and confirmed by a receipt.',
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
      title: 'Unconfirmed readings',
      description:
        'Readings in outboxes, readings in flight to the broker, and readings whose connection ended before the PUBACK (uncertain).',
      unit: 'short',
      queries: [
        ['sum(lamplighter_sim_outbox_readings)', 'in outboxes'],
        ['sum(lamplighter_sim_in_flight)', 'in flight'],
        ['sum(lamplighter_sim_unaccounted)', 'uncertain'],
      ],
      width: 8,
      height: 8,
    }),
    linesPanel({
      title: 'Readings dropped by devices',
      description: 'Readings that devices dropped, by reason.',
      unit: 'cps',
      queries: [[sumRate('sim_dropped_total', 'reason'), '{{reason}}']],
      width: 8,
      height: 8,
    }),
    linesPanel({
      title: 'Network traffic',
      description: 'MQTT bytes on the sockets of the simulated devices.',
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
        'Wake-up: the first packet after RADIO_GAP_MS without one (default: one second). Decision: a command that changed a lamp.',
      unit: 'cps',
      queries: [
        [sumRate('sim_wake_ups_total'), 'wake-ups'],
        [sumRate('sim_decisions_total'), 'decisions'],
      ],
      width: 8,
      height: 7,
    }),
    linesPanel({
      title: 'Bytes per decision',
      description:
        'Bytes in both directions for each command that changed a lamp, over ten minutes. Use it to compare telemetry policies.',
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
      title: 'Device connections',
      description: 'Simulated devices that are connected or disconnected.',
      unit: 'short',
      queries: [['sum by (state) (lamplighter_sim_devices)', '{{state}}']],
      width: 12,
      height: 7,
      stacked: true,
      colors: { connected: 'green', disconnected: 'red' },
    }),
    linesPanel({
      title: 'Disconnections and reconnects',
      description: 'Connections that simulated devices lost, by cause, and reconnects.',
      unit: 'cps',
      queries: [
        [sumRate('sim_disconnections_total', 'cause'), '{{cause}}'],
        [sumRate('sim_reconnects_total'), 'reconnected'],
      ],
      width: 12,
      height: 7,
      colors: { reconnected: 'green' },
    }),
  ],
];
