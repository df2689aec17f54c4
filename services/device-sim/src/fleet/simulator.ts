import type { Logger } from '@lamplighter/service-kit/log/logger';
import type { Config } from '../config.js';
import { DeviceJournal } from '../lamp/device-journal.js';
import { addRadioUse, NO_RADIO_USE, radioReport } from '../lamp/radio-report.js';
import { SimMetrics } from '../sim-metrics.js';
import { BrokerStatusLog } from './broker-status-log.js';
import { Fleet } from './fleet.js';
import { isAbort, NameReservation } from './name-reservation.js';
import { deviceNames } from './names.js';

/** Reserves device names and runs a fleet with them until it is closed. */
export class Simulator {
  readonly metrics: SimMetrics;
  private readonly brokerLog: BrokerStatusLog;
  private readonly journal: DeviceJournal | undefined;
  private reservation: NameReservation | undefined;
  private fleet: Fleet | undefined;
  private closing = false;
  private startedAt = performance.now();
  /** Radio use of earlier fleets. */
  private radioBefore = NO_RADIO_USE;

  constructor(
    private readonly config: Config,
    version: string,
    private readonly logger: Logger,
  ) {
    const { host, port, username } = config.broker;
    const account = username === undefined ? 'clients without an account' : `the account "${username}"`;
    this.brokerLog = new BrokerStatusLog(logger, `${host}:${port}`, account);
    this.metrics = new SimMetrics(version, () => this.count());
    this.journal = config.journalFile === undefined ? undefined : new DeviceJournal(config.journalFile);
  }

  /** Starts; does not wait for the broker. */
  start(): void {
    this.startedAt = performance.now();
    this.continue();
  }

  private continue(): void {
    this.run().catch((error: unknown) => {
      if (!isAbort(error)) throw error;
    });
  }

  /** Problems. Ready means that all devices have connected at least once and at least half are connected now. */
  readiness(): string[] {
    const { connected, devices } = this.count();
    if (this.fleet?.complete && connected * 2 >= devices) return [];
    return [this.brokerLog.problem ?? `${connected} of ${devices} devices connected`];
  }

  /** Disconnects all devices and releases the reservation. */
  async close(): Promise<void> {
    this.closing = true;
    this.logger.info(`disconnecting ${this.count().connected} lamps`);
    await this.fleet?.close();
    await this.reservation?.release();
    this.journal?.close();
    const { devices, radioUse } = this.count();
    this.logger.info(radioReport(radioUse, devices, performance.now() - this.startedAt));
  }

  private async run(): Promise<void> {
    const { brokerLog, logger } = this;
    const { broker, fleet, devices, seed, dayMs } = this.config;
    const onOutage = brokerLog.outage.bind(brokerLog);
    const reservation = new NameReservation({ broker, fleet, onOutage, onLost: () => this.move() });
    this.reservation = reservation;
    const block = await reservation.take();
    brokerLog.connected();
    const names = deviceNames(block, devices);
    const named = `${names[0]}${devices > 1 ? ` to ${names.at(-1)}` : ''}`;
    logger.info(`fleet ${fleet}: ${named}; a day takes ${dayMs / 1000} s`);
    if (block === undefined) {
      logger.warn(
        `cannot reserve device names; using new names at every start. Allow the account to publish and subscribe to ${fleet}/claims/+`,
      );
    }
    const options = { ...this.config, names, world: { seed, dayMs } };
    this.fleet = new Fleet(options, this.metrics, brokerLog, logger, this.journal);
    this.fleet.start();
  }

  /** Continues with other names: another simulator reserved these while the broker was unavailable. */
  private move(): void {
    this.logger.warn('another simulator has taken over these devices; switching to other names');
    const left = this.fleet;
    this.fleet = undefined;
    void left?.close().then(() => {
      this.radioBefore = addRadioUse(this.radioBefore, left.radioUse);
      if (!this.closing) this.continue();
    });
  }

  private count() {
    const { connected = 0, waiting = 0, radioUse = NO_RADIO_USE } = this.fleet ?? {};
    return {
      connected,
      devices: this.config.devices,
      waiting,
      radioUse: addRadioUse(this.radioBefore, radioUse),
    };
  }
}
