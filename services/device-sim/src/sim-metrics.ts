import { ARRIVALS, type DeviceEvent, DROPS } from '@lamplighter/device/device-event';
import { Metrics, show, whenScraped } from '@lamplighter/service-kit/metrics';
import type { RadioUse } from './lamp/radio-report.js';

const RECEIPTS = ['stored', 'refused'] as const;
const ENDS = ['unreachable', 'refused', 'lost'] as const;

/**
 * The metrics of the simulator, independent of the services: the ledger of readings and the state of the fleet. With `TELEMETRY=keep`:
 * taken = receipts + dropped + in the outbox. With `latest`, at QoS 1 and 2: taken = acked + dropped + unaccounted + in flight.
 */
export class SimMetrics {
  private readonly metrics: Metrics;
  private readonly taken;
  private readonly receipts;
  private readonly published;
  private readonly acked;
  private readonly dropped;
  private readonly unaccounted;
  private readonly inFlight;
  private readonly commands;
  private readonly reconnects;
  private readonly disconnections;
  private readonly lampsOn;

  /** @param read returns the current state of the fleet */
  constructor(
    version: string,
    read: () => { connected: number; devices: number; waiting: number; radioUse: RadioUse },
  ) {
    const metrics = new Metrics('device-sim', version);
    this.metrics = metrics;
    this.taken = metrics.counter(
      'sim_taken_total',
      'Readings taken by devices, including those in their outboxes at the start',
    );
    this.receipts = metrics.counter(
      'sim_receipts_total',
      'Readings that left an outbox because the server stored or permanently rejected them',
      { result: RECEIPTS },
    );
    this.published = metrics.counter(
      'sim_published_total',
      'Readings sent to the broker, including repetitions',
    );
    this.acked = metrics.counter('sim_acked_total', 'Readings that the broker acknowledged (QoS 1 and 2)');
    this.dropped = metrics.counter('sim_dropped_total', 'Readings dropped by a device, by reason', {
      reason: DROPS,
    });
    this.unaccounted = metrics.gauge('sim_unaccounted', 'Readings whose connection ended before the PUBACK');
    this.inFlight = metrics.gauge('sim_in_flight', 'Readings sent and not yet acknowledged by the broker');
    this.commands = metrics.counter(
      'sim_commands_received_total',
      'Commands received, by result on arrival',
      {
        result: ARRIVALS,
      },
    );
    this.reconnects = metrics.counter('sim_reconnects_total', 'Reconnections after a loss');
    this.disconnections = metrics.counter(
      'sim_disconnections_total',
      'Connections lost and failed attempts, by cause',
      {
        cause: ENDS,
      },
    );
    this.lampsOn = metrics.gauge('sim_lamps_on', 'Lamps that are turned on');
    metrics.gauge('sim_devices', 'Simulated devices', { state: ['connected', 'disconnected'] }, (gauge) => {
      const now = read();
      gauge.set({ state: 'connected' }, now.connected);
      gauge.set({ state: 'disconnected' }, now.devices - now.connected);
    });
    metrics.gauge('sim_outbox_readings', 'Readings in outboxes, waiting for a receipt', [], (gauge) => {
      gauge.set(read().waiting);
    });
    const radio = (name: string, help: string, value: (use: RadioUse) => number) =>
      whenScraped(metrics.counter(name, help), (counter) => show(counter, value(read().radioUse)));
    radio('sim_sent_bytes_total', 'MQTT bytes sent by devices', ({ bytesSent }) => bytesSent);
    radio('sim_received_bytes_total', 'MQTT bytes received by devices', ({ bytesReceived }) => bytesReceived);
    radio('sim_wake_ups_total', 'Radio wake-ups: packets after a gap', ({ wakeUps }) => wakeUps);
    radio('sim_decisions_total', 'Commands that changed a lamp', ({ decisions }) => decisions);
  }

  get registry() {
    return this.metrics.registry;
  }

  get declarations() {
    return this.metrics.declarations;
  }

  /** Counts readings that were in an outbox at startup. */
  foundInOutbox(readings: number): void {
    this.taken.inc(readings);
  }

  record(event: DeviceEvent): void {
    switch (event.event) {
      case 'taken':
        this.taken.inc();
        break;
      case 'dropped':
        this.dropped.inc({ reason: event.reason });
        break;
      case 'sent':
        this.published.inc(event.seqs.length);
        this.inFlight.inc(event.seqs.length);
        break;
      case 'settled':
        this.inFlight.dec(event.seqs.length);
        if (event.outcome === 'acknowledged') this.acked.inc(event.seqs.length);
        else if (event.outcome === 'unknown') this.unaccounted.inc(event.seqs.length);
        break;
      case 'receipt':
        this.receipts.inc({ result: 'stored' }, event.stored.length);
        this.receipts.inc({ result: 'refused' }, event.refused.length);
        break;
      case 'command':
        this.commands.inc({ result: event.arrival });
        break;
      case 'offline':
        this.disconnections.inc({ cause: event.cause });
    }
  }

  reconnected(): void {
    this.reconnects.inc();
  }

  lampSwitched(change: number): void {
    this.lampsOn.inc(change);
  }
}
