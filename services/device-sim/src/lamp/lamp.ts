import type { Action, CommandEnvelope } from '@lamplighter/contracts/commands/command';
import {
  DEVICE_SETTINGS,
  type SentSettings,
  type SettingHandlers,
} from '@lamplighter/contracts/settings/device-settings';
import type { AdaptiveInterval } from '@lamplighter/contracts/settings/telemetry-interval';
import { AcknowledgeAfterRestart, CommandRejected } from '@lamplighter/device/commands/execute-command';
import { Traffic } from '@lamplighter/device/connection/traffic';
import { DeviceClient, type DeviceOptions } from '@lamplighter/device/device-client';
import type { DeviceEvent } from '@lamplighter/device/device-event';
import {
  adaptiveIntervalMs,
  type Movement,
  observeMovement,
} from '@lamplighter/device/telemetry/adaptive-interval';
import { keyOf } from '../signals/random.js';
import { lightAt, type Spot, type World } from '../signals/sensor.js';
import { parseLampAction } from './lamp-action.js';
import type { LampStorage } from './lamp-storage.js';
import type { RadioUse } from './radio-report.js';

/** A reading of a lamp. */
export type LampReading = { readonly light: number; readonly led_on: boolean };

export type LampOptions = Omit<DeviceOptions, 'execute' | 'storage' | 'traffic'> & {
  readonly storage: LampStorage;
  /** After this time it emits no light but behaves as before; milliseconds since 1970. */
  readonly burnsOutAt?: number | undefined;
  /** A radio without packets for this long sleeps, milliseconds. */
  readonly radioGapMs?: number;
  readonly onEvent: (event: DeviceEvent) => void;
};

/** Duration of a restart, milliseconds. */
const RESTART_MS = 500;
const SETTING_PREFIX = 'program:';

/**
 * A simulated device: a lamp and a light sensor next to it. A restart clears everything but its storage. While the link is down it evaluates
 * its edge rule, if it has one.
 */
export class Lamp {
  private client: DeviceClient;
  private readonly spot: Spot;
  private readonly traffic: Traffic;
  /** Commands that changed the lamp. */
  private decisions = 0;
  private ledOn = false;
  private closed = false;
  private restarting = false;
  private interval: NodeJS.Timeout | undefined;
  private movement: Movement | undefined;
  private readonly settings: SettingHandlers = {
    telemetry_interval_ms: (interval) => this.setInterval(interval),
  };
  /** Timers of commands with `work_ms`. */
  private readonly timers = new Set<NodeJS.Timeout>();

  /**
   * @param place position in the fleet, 0 to 1
   * @param onSwitch called when the lamp turns on (1) or off (-1)
   */
  constructor(
    private readonly world: World,
    place: number,
    private readonly options: LampOptions,
    private readonly onSwitch: (change: 1 | -1) => void,
  ) {
    this.spot = { device: keyOf(options.device), place };
    this.traffic = new Traffic(options.radioGapMs);
    this.client = this.boot();
  }

  get on(): boolean {
    return this.ledOn;
  }

  /** Number of readings in its outbox. */
  get waiting(): number {
    return this.client.waiting;
  }

  get radioUse(): RadioUse {
    const { bytesSent, bytesReceived, wakeUps } = this.traffic;
    return { bytesSent, bytesReceived, wakeUps, decisions: this.decisions };
  }

  /** Whether a setting gave it its own telemetry interval. */
  get hasOwnInterval(): boolean {
    return this.interval !== undefined;
  }

  start(): void {
    this.client.start();
  }

  /** Publishes a reading, unless it is restarting. */
  report(now: number): void {
    if (this.restarting) return;
    const reading = this.read(now);
    this.movement = observeMovement(this.movement, reading.light, now);
    void this.client.publish(reading);
  }

  /** Disconnects with a goodbye. */
  async close(): Promise<void> {
    this.closed = true;
    this.stopTimers();
    await this.client.close();
    this.options.storage.close();
  }

  private boot(): DeviceClient {
    const { storage, burnsOutAt: _, radioGapMs: __, ...options } = this.options;
    const opened = storage.open();
    for (const { actionKey } of DEVICE_SETTINGS) {
      const stored = opened.get(SETTING_PREFIX + actionKey);
      if (stored !== undefined) this.settings[actionKey](JSON.parse(stored));
    }
    return new DeviceClient({
      ...options,
      storage: opened,
      traffic: this.traffic,
      edgeRules: true,
      execute: (action, envelope) => this.execute(action, envelope),
    });
  }

  private read(now: number): LampReading {
    const shines = this.ledOn && now < (this.options.burnsOutAt ?? Number.POSITIVE_INFINITY);
    return { light: lightAt(this.world, this.spot, now, shines), led_on: this.ledOn };
  }

  private async execute(given: Action, envelope: CommandEnvelope | undefined): Promise<unknown> {
    const action = parseLampAction(given);
    if (action.work_ms !== undefined) await this.work(action.work_ms);
    if (action.fail !== undefined) throw new Error(action.fail);
    if (action.led_on !== undefined) {
      // Actions of the edge rule have no envelope.
      if (envelope !== undefined && action.led_on !== this.ledOn) this.decisions += 1;
      this.switch(action.led_on);
    }
    for (const { actionKey } of DEVICE_SETTINGS)
      if (action[actionKey] !== undefined) this.applySetting(actionKey, action[actionKey]);
    const reading = this.read(Date.now());
    const result = action.report && Object.fromEntries(action.report.map((name) => [name, reading[name]]));
    return action.reboot ? new AcknowledgeAfterRestart(() => this.restart(), result) : result;
  }

  private work(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.timers.delete(timer);
        resolve();
      }, ms);
      this.timers.add(timer);
    });
  }

  /** Applies a setting and stores it, so that it survives a restart. */
  private applySetting<K extends keyof SentSettings>(key: K, value: SentSettings[K] | null): void {
    this.settings[key](value);
    const stored = value === null ? undefined : JSON.stringify(value);
    this.options.storage.open().write([[SETTING_PREFIX + key, stored]]);
  }

  private setInterval(interval: number | AdaptiveInterval | null): void {
    if (interval !== null && typeof interval === 'object' && interval.of !== 'light')
      throw new CommandRejected('telemetry_interval_ms: a lamp measures light');
    this.measureEvery(interval);
  }

  /** @param interval null: the fleet schedules its reports */
  private measureEvery(interval: number | AdaptiveInterval | null): void {
    clearTimeout(this.interval);
    this.interval = undefined;
    if (interval === null) return;
    const pauseMs = typeof interval === 'number' ? interval : adaptiveIntervalMs(interval, this.movement);
    this.interval = setTimeout(() => {
      this.report(Date.now());
      this.measureEvery(interval);
    }, pauseMs);
  }

  private switch(on: boolean): void {
    if (on === this.ledOn) return;
    this.ledOn = on;
    this.onSwitch(on ? 1 : -1);
  }

  /** Drops all work in progress, as a restart does. */
  private stopTimers(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    clearTimeout(this.interval);
    this.interval = undefined;
    this.movement = undefined;
  }

  private restart(): void {
    this.stopTimers();
    this.switch(false);
    this.restarting = true;
    const closed = this.client.close();
    this.options.onEvent({ event: 'offline', cause: 'lost', reason: 'restart', retryInMs: RESTART_MS });
    void closed.then(() => {
      setTimeout(() => this.powerOn(), RESTART_MS);
    });
  }

  private powerOn(): void {
    if (this.closed) return;
    this.options.storage.close();
    this.client = this.boot();
    this.restarting = false;
    this.client.start();
  }
}
