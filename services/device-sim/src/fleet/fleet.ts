import type { Broker } from '@lamplighter/device/connection/broker';
import type { DeviceEvent } from '@lamplighter/device/device-event';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import type { DeviceJournal } from '../lamp/device-journal.js';
import { Lamp } from '../lamp/lamp.js';
import { fileStorage, memoryStorage } from '../lamp/lamp-storage.js';
import { addRadioUse, NO_RADIO_USE, type RadioUse } from '../lamp/radio-report.js';
import type { World } from '../signals/sensor.js';
import type { SimMetrics } from '../sim-metrics.js';
import type { BrokerStatusLog } from './broker-status-log.js';
import { burnsOutAfter, type Faults } from './faults.js';
import { Spread } from './spread.js';

export interface FleetOptions {
  readonly broker: Broker;
  readonly fleet: string;
  /** Names of the devices, in the order of their places. */
  readonly names: readonly string[];
  readonly world: World;
  readonly faults: Faults;
  readonly intervalMs: number;
  readonly qos: 0 | 1 | 2;
  readonly telemetry: 'latest' | 'keep';
  /** Maximum number of readings in the outbox of a device. */
  readonly outbox: number;
  /** Folder for the state of the devices; in memory if unset. */
  readonly stateDir?: string;
  /** How long the link must be down before the edge rule of a lamp takes over. */
  readonly fallbackAfterMs: number;
  /** A radio without packets for this long sleeps. */
  readonly radioGapMs: number;
  /** The service removes a lamp that is offline for this long. */
  readonly forgetAfterMs?: number;
  /** Maximum number of devices that start to connect per second. */
  readonly connectRate: number;
}

/** Maximum number of devices that connect at the same time, to protect a slow broker. */
const MOST_CONNECTING = 100;
const RAMP_STEP_MS = 20;
const PROGRESS_MS = 3000;

/** The states of a device: never online so far, online, or offline again. */
const [NEVER, ONLINE, OFFLINE] = [0, 1, 2];

/** The lamps of one simulator: connects them at a limited rate, schedules their reports, and counts events. */
export class Fleet {
  private readonly lamps: Lamp[];
  private readonly states: Uint8Array;
  private readonly reports: Spread;
  private online = 0;
  /** Devices that have been online. */
  private connectedOnce = 0;
  private started = 0;
  private lastProgress = '';
  /** Reason for the last failed connection; undefined while all devices are connected. */
  private failure: string | undefined;
  private ramp: NodeJS.Timeout | undefined;
  private progress: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: FleetOptions,
    private readonly metrics: SimMetrics,
    private readonly brokerLog: BrokerStatusLog,
    private readonly logger: Logger,
    private readonly journal?: DeviceJournal,
  ) {
    const { names, world, intervalMs } = options;
    this.states = new Uint8Array(names.length);
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
    return this.connectedOnce === this.lamps.length;
  }

  start(): void {
    const startedAt = performance.now();
    this.ramp = setInterval(() => {
      const due = 1 + ((performance.now() - startedAt) / 1000) * this.options.connectRate;
      const upTo = Math.min(due, this.connectedOnce + MOST_CONNECTING, this.lamps.length);
      while (this.started < Math.floor(upTo)) this.lamps[this.started++]?.start();
      if (this.started === this.lamps.length) clearInterval(this.ramp);
    }, RAMP_STEP_MS);
    this.progress = setInterval(() => this.logProgress(), PROGRESS_MS);
    this.reports.start();
  }

  /** Disconnects all devices with a goodbye; settles when they are disconnected. */
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
    if (burnsOutAt !== undefined) this.journal?.writeFault(name, burnsOutAt);
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
        this.journal?.write(name, event);
        this.metrics.record(event);
        this.onDeviceEvent(index, event);
      },
    };
    return new Lamp(world, index / names.length, options, (change) => this.metrics.lampSwitched(change));
  }

  private report(index: number): void {
    const lamp = this.lamps[index];
    if (lamp === undefined || lamp.hasOwnInterval || this.states[index] === NEVER) return;
    lamp.report(Date.now());
  }

  private onDeviceEvent(index: number, event: DeviceEvent): void {
    const before = this.states[index];
    if (event.event === 'online') {
      this.states[index] = ONLINE;
      this.online += 1;
      this.brokerLog.connected();
      if (before === OFFLINE) this.metrics.reconnected();
      else this.connectedOnce += 1;
      if (this.online === this.lamps.length) {
        this.failure = undefined;
        this.logProgress();
      }
    } else if (event.event === 'offline') {
      this.failure = event.reason;
      if (before === ONLINE) {
        this.states[index] = OFFLINE;
        this.online -= 1;
      }
      if (this.online === 0) this.brokerLog.outage(event);
    }
  }

  private logProgress(): void {
    const why = this.failure === undefined ? '' : `; last failure: ${this.failure}`;
    const line = `${this.online} of ${this.lamps.length} lamps connected${why}`;
    if (line === this.lastProgress) return;
    this.lastProgress = line;
    this.logger.info(line);
  }
}
