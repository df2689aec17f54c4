import type { Broker } from '@lamplighter/device/connection/broker';
import type { DeviceEvent } from '@lamplighter/device/device-event';
import type { Logger } from '@lamplighter/service-kit/logger';
import type { GroundTruth } from '../lamp/ground-truth.js';
import { Lamp } from '../lamp/lamp.js';
import { fileStorage, memoryStorage } from '../lamp/lamp-storage.js';
import { addRadioUse, NO_RADIO_USE, type RadioUse } from '../lamp/radio-report.js';
import type { World } from '../signals/sensor.js';
import type { SimMetrics } from '../sim-metrics.js';
import type { BrokerJournal } from './broker-journal.js';
import { burnsOutAfter, type Faults } from './faults.js';
import { Spread } from './spread.js';

export interface FleetOptions {
  readonly broker: Broker;
  readonly fleet: string;
  /** Names of the devices, in the order in which they stand along the fleet. */
  readonly names: readonly string[];
  readonly world: World;
  readonly faults: Faults;
  readonly intervalMs: number;
  readonly qos: 0 | 1 | 2;
  readonly telemetry: 'latest' | 'keep';
  /** Most readings that a device keeps. */
  readonly outbox: number;
  /** Folder of the devices' storages; in memory if there is none. */
  readonly stateDir?: string;
  /** For how long the link must be down before a lamp decides by itself. */
  readonly fallbackAfterMs: number;
  /** Without a packet for longer than this a radio is assumed to sleep. */
  readonly radioGapMs: number;
  /** A lamp that has been away for longer is removed. */
  readonly forgetAfterMs?: number;
  /** Devices that begin to connect per second, at most. */
  readonly connectRate: number;
}

/** Devices that are connecting at the same time, at most: a broker that is slow or away is not stormed. */
const MOST_CONNECTING = 100;
const RAMP_STEP_MS = 20;
const PROGRESS_MS = 3000;

/** How a device stands: it was never online, it is, or it was and is not now. */
const [NEVER, ONLINE, AWAY] = [0, 1, 2];

/** All lamps of one simulator: connects them at a measured pace, lets them report in turn, and keeps count. */
export class Fleet {
  private readonly lamps: Lamp[];
  private readonly standing: Uint8Array;
  private readonly reports: Spread;
  private online = 0;
  /** Devices that have been online. */
  private introduced = 0;
  private started = 0;
  private told = '';
  /** Why a device was last not connected; undefined while all are. */
  private failure: string | undefined;
  private ramp: NodeJS.Timeout | undefined;
  private progress: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: FleetOptions,
    private readonly metrics: SimMetrics,
    private readonly journal: BrokerJournal,
    private readonly logger: Logger,
    private readonly truth?: GroundTruth,
  ) {
    const { names, world, intervalMs } = options;
    this.standing = new Uint8Array(names.length);
    this.lamps = names.map((name, index) => this.lamp(name, index, world));
    this.metrics.foundInOutbox(this.waiting);
    this.reports = new Spread(names.length, intervalMs, (index) => this.report(index));
  }

  get connected(): number {
    return this.online;
  }

  /** Readings in all outboxes. */
  get waiting(): number {
    return this.lamps.reduce((sum, { waiting }) => sum + waiting, 0);
  }

  get radioUse(): RadioUse {
    return this.lamps.reduce((sum, { radioUse }) => addRadioUse(sum, radioUse), NO_RADIO_USE);
  }

  /** True once every device has been online. */
  get complete(): boolean {
    return this.introduced === this.lamps.length;
  }

  start(): void {
    const startedAt = performance.now();
    this.ramp = setInterval(() => {
      const due = 1 + ((performance.now() - startedAt) / 1000) * this.options.connectRate;
      const upTo = Math.min(due, this.introduced + MOST_CONNECTING, this.lamps.length);
      while (this.started < Math.floor(upTo)) this.lamps[this.started++]?.start();
      if (this.started === this.lamps.length) clearInterval(this.ramp);
    }, RAMP_STEP_MS);
    this.progress = setInterval(() => this.tell(), PROGRESS_MS);
    this.reports.start();
  }

  /** Disconnects all devices in good order; settles when they are. */
  async close(): Promise<void> {
    clearInterval(this.ramp);
    clearInterval(this.progress);
    this.reports.stop();
    await Promise.all(this.lamps.map((lamp) => lamp.close()));
    this.online = 0;
    this.metrics.lampSwitched(-this.lamps.filter((lamp) => lamp.on).length);
  }

  private lamp(name: string, index: number, world: World): Lamp {
    const {
      broker,
      fleet,
      qos,
      names,
      telemetry,
      outbox,
      stateDir,
      fallbackAfterMs,
      radioGapMs,
      forgetAfterMs,
      faults,
    } = this.options;
    const burnsOutAfterMs = burnsOutAfter(world.seed, name, faults);
    const burnsOutAt = burnsOutAfterMs === undefined ? undefined : Date.now() + burnsOutAfterMs;
    if (burnsOutAt !== undefined) this.truth?.writeFault(name, burnsOutAt);
    const options = {
      broker,
      fleet,
      device: name,
      qos,
      telemetry,
      outbox: { readings: outbox },
      storage: stateDir === undefined ? memoryStorage() : fileStorage(stateDir, fleet, name),
      fallbackAfterMs,
      radioGapMs,
      ...(forgetAfterMs !== undefined && { forgetAfterMs }),
      burnsOutAt,
      onEvent: (event: DeviceEvent) => {
        this.truth?.write(name, event);
        this.metrics.note(event);
        this.note(index, event);
      },
    };
    return new Lamp(world, index / names.length, options, (change) => this.metrics.lampSwitched(change));
  }

  private report(index: number): void {
    const lamp = this.lamps[index];
    if (lamp === undefined || lamp.hasOwnInterval || this.standing[index] === NEVER) return;
    lamp.report(Date.now());
  }

  private note(index: number, event: DeviceEvent): void {
    const before = this.standing[index];
    if (event.event === 'online') {
      this.standing[index] = ONLINE;
      this.online += 1;
      this.journal.reached();
      if (before === AWAY) this.metrics.reconnected();
      else this.introduced += 1;
      if (this.online === this.lamps.length) {
        this.failure = undefined;
        this.tell();
      }
    } else if (event.event === 'offline') {
      this.failure = event.reason;
      if (before === ONLINE) {
        this.standing[index] = AWAY;
        this.online -= 1;
      }
      if (this.online === 0) this.journal.outage(event);
    }
  }

  private tell(): void {
    const why = this.failure === undefined ? '' : `; last failure: ${this.failure}`;
    const news = `${this.online} of ${this.lamps.length} lamps connected${why}`;
    if (news === this.told) return;
    this.told = news;
    this.logger.info(news);
  }
}
