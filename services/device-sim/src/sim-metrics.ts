import { ARRIVALS, type Arrival } from '@lamplighter/device/command-inbox';
import type { PublishOutcome } from '@lamplighter/device/device-client';
import { Metrics } from '@lamplighter/service-kit/metrics';

const DROPS = ['offline', 'window_full', 'refused'] as const;
const ENDS = ['unreachable', 'refused', 'lost'] as const;

/**
 * What the simulator knows of its own, independent of the services: the ledger of readings, and the state of its fleet.
 * At QoS 1 and 2 nothing is lost silently: published = acked + refused + unaccounted + in flight.
 */
export class SimMetrics {
  private readonly metrics: Metrics;
  private readonly published;
  private readonly acked;
  private readonly dropped;
  private readonly unaccounted;
  private readonly inFlight;
  private readonly commands;
  private readonly reconnects;
  private readonly disconnections;
  private readonly lampsOn;

  /** @param connected how many devices of how many are connected, at the moment of asking */
  constructor(version: string, connected: () => { connected: number; devices: number }) {
    const metrics = new Metrics('device-sim', version);
    this.metrics = metrics;
    this.published = metrics.counter('sim_published_total', 'Readings that went out to the broker');
    this.acked = metrics.counter('sim_acked_total', 'Readings that the broker acknowledged (QoS 1 and 2)');
    this.dropped = metrics.counter(
      'sim_dropped_total',
      'Readings that were not published, or that the broker refused',
      {
        reason: DROPS,
      },
    );
    this.unaccounted = metrics.gauge(
      'sim_unaccounted',
      'Readings whose connection ended before the broker acknowledged them: it may have them or not',
    );
    this.inFlight = metrics.gauge('sim_in_flight', 'Readings on their way to the broker');
    this.commands = metrics.counter(
      'sim_commands_received_total',
      'Commands, by what became of them on arrival',
      {
        result: ARRIVALS,
      },
    );
    this.reconnects = metrics.counter('sim_reconnects_total', 'Devices that came back after a loss');
    this.disconnections = metrics.counter(
      'sim_disconnections_total',
      'Connections lost and attempts that failed',
      {
        cause: ENDS,
      },
    );
    this.lampsOn = metrics.gauge('sim_lamps_on', 'Lamps that are on');
    metrics.gauge('sim_devices', 'Simulated devices', ['state'], (gauge) => {
      const now = connected();
      gauge.set({ state: 'connected' }, now.connected);
      gauge.set({ state: 'disconnected' }, now.devices - now.connected);
    });
  }

  get registry() {
    return this.metrics.registry;
  }

  readingPublished(): void {
    this.published.inc();
    this.inFlight.inc();
  }

  /** What became of a published reading. */
  readingSettled(outcome: PublishOutcome): void {
    this.inFlight.dec();
    if (outcome === 'acknowledged') this.acked.inc();
    else if (outcome === 'unknown') this.unaccounted.inc();
    else if (outcome !== 'sent') this.dropped.inc({ reason: 'refused' });
  }

  readingDropped(reason: 'offline' | 'window_full'): void {
    this.dropped.inc({ reason });
  }

  commandArrived(arrival: Arrival): void {
    this.commands.inc({ result: arrival });
  }

  reconnected(): void {
    this.reconnects.inc();
  }

  disconnected(cause: (typeof ENDS)[number]): void {
    this.disconnections.inc({ cause });
  }

  lampSwitched(change: number): void {
    this.lampsOn.inc(change);
  }
}
