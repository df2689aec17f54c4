import type { Logger } from '@lamplighter/service-kit/logger';
import type { Config } from '../config.js';
import { GroundTruth } from '../lamp/ground-truth.js';
import { addRadioUse, NO_RADIO_USE, radioReport } from '../lamp/radio-report.js';
import { SimMetrics } from '../sim-metrics.js';
import { BlockClaim } from './block-claim.js';
import { BrokerJournal } from './broker-journal.js';
import { Fleet } from './fleet.js';
import { deviceNames } from './names.js';

/** Claims device names that no other simulator uses, and runs a fleet under them until it is closed. */
export class Simulator {
  readonly metrics: SimMetrics;
  private readonly journal: BrokerJournal;
  private readonly truth: GroundTruth | undefined;
  private claim: BlockClaim | undefined;
  private fleet: Fleet | undefined;
  private closing = false;
  private startedAt = performance.now();
  /** Of the fleets before the present one. */
  private radioBefore = NO_RADIO_USE;

  constructor(
    private readonly config: Config,
    version: string,
    private readonly logger: Logger,
  ) {
    const { host, port, username } = config.broker;
    const account = username === undefined ? 'clients without an account' : `the account "${username}"`;
    this.journal = new BrokerJournal(logger, `${host}:${port}`, account);
    this.metrics = new SimMetrics(version, () => this.count());
    this.truth = config.journalFile === undefined ? undefined : new GroundTruth(config.journalFile);
  }

  /** Starts; does not wait for the broker. */
  start(): void {
    this.startedAt = performance.now();
    this.continue();
  }

  private continue(): void {
    this.run().catch((error: unknown) => {
      if (!this.closing) throw error;
    });
  }

  /** What keeps it from being ready: all devices have been connected once, and half of them are. */
  readiness(): string[] {
    const { connected, devices } = this.count();
    if (this.fleet?.complete && connected * 2 >= devices) return [];
    return [this.journal.problem ?? `${connected} of ${devices} devices connected`];
  }

  /** Disconnects everything in good order. */
  async close(): Promise<void> {
    this.closing = true;
    this.logger.info(`disconnecting ${this.count().connected} lamps`);
    await this.fleet?.close();
    await this.claim?.release();
    this.truth?.close();
    const { devices, radioUse } = this.count();
    this.logger.info(radioReport(radioUse, devices, performance.now() - this.startedAt));
  }

  private async run(): Promise<void> {
    const { journal, logger } = this;
    const { broker, fleet, devices, seed, dayMs } = this.config;
    const onOutage = journal.outage.bind(journal);
    const claim = new BlockClaim({ broker, fleet, onOutage, onLost: () => this.move() });
    this.claim = claim;
    const block = await claim.take();
    journal.reached();
    const names = deviceNames(block, devices);
    const named = `${names[0]}${devices > 1 ? ` to ${names.at(-1)}` : ''}`;
    logger.info(`fleet ${fleet}: ${named}; a day takes ${dayMs / 1000} s`);
    if (block === undefined) {
      logger.warn(
        `the names are new at every start: the broker must answer QoS 1 publishes to ${fleet}/claims/+ and let the account subscribe there`,
      );
    }
    const options = { ...this.config, names, world: { seed, dayMs } };
    this.fleet = new Fleet(options, this.metrics, journal, logger, this.truth);
    this.fleet.start();
  }

  /** Another simulator has our names since we lost the broker: goes on under others. */
  private move(): void {
    this.logger.warn('another simulator has taken over these devices; moving to other names');
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
