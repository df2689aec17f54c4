import { setTimeout as delay } from 'node:timers/promises';
import { CANARY_FLEET } from '@lamplighter/contracts/identity';
import { deviceTopic } from '@lamplighter/contracts/topics';
import { readDevice, readWindow } from '@lamplighter/store/devices/devices';
import type { Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type Config, replicaName } from '../config.js';
import { RulesMetrics } from '../metrics.js';
import { MqttTransport } from '../mqtt/mqtt-transport.js';
import { RulesErrors } from '../rules-errors.js';
import { CONFIG, REDIS } from '../tokens.js';
import { CanaryTracker } from './canary-tracker.js';

/** How often one that is under way is looked for, milliseconds. */
const LOOK_MS = 1000;
const LOOKS_PER_CANARY = 5;
/** Message expiry of a canary, seconds. */
const EXPIRY_SECONDS = 5;
/** Three periods: older than this, and the path is broken somewhere. */
export const CANARY_STALE_MS = 15_000;
/** As many of the newest readings as can be under way. */
const LOOK_BACK = 64;
/** One that came through this short a time ago answers whether anything can be heard. Milliseconds. */
const FRESH_MS = 500;
/** How long one that is sent on purpose is waited for, milliseconds: it usually takes ten. */
const PROBE_MS = 1000;

/**
 * Sends a reading through the whole path, broker → access list → shared subscription → ingest → Redis, and looks whether it arrives.
 * A subscription may be granted and yet deliver nothing (Mosquitto 2.0 checks read access per message), so nothing less proves it.
 */
@Injectable()
export class CanaryService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly replica: string;
  private readonly canaries = new CanaryTracker(Date.now());
  private timer: NodeJS.Timeout | undefined;
  private probing: Promise<boolean> | undefined;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(CONFIG) config: Config,
    private readonly transport: MqttTransport,
    private readonly metrics: RulesMetrics,
    private readonly unexpected: RulesErrors,
  ) {
    this.replica = replicaName(config);
  }

  onApplicationBootstrap(): void {
    setTimeout(() => this.send(), 500).unref();
    let looks = 1;
    this.timer = setInterval(() => {
      if (looks % LOOKS_PER_CANARY === 0) this.send();
      else if (this.canaries.hasInFlight) void this.look();
      looks += 1;
    }, LOOK_MS);
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Age of the newest canary that came through, milliseconds; undefined if none did. @throws if Redis is unavailable */
  async ageMs(): Promise<number | undefined> {
    return (await readDevice(this.redis, CANARY_FLEET, this.replica))?.ageMs;
  }

  /**
   * For how long no canary has come through, or it could not be seen, milliseconds; from the start if none has yet. Known without
   * asking Redis, so that a scrape never waits for a Redis that is stuck.
   */
  get silenceMs(): number {
    return performance.now() - this.canaries.heardUntil;
  }

  /** Whether a canary should have come through by now: then nothing follows from the silence of devices. */
  get isOverdue(): boolean {
    return this.canaries.isOverdue;
  }

  /** What readiness says of canaries that did not come through although later ones did. */
  problems(): string[] {
    const { missing } = this.canaries;
    return missing === undefined
      ? []
      : [
          `${missing.lost} of the last ${missing.of} canary readings did not come through, and so telemetry of devices: ` +
            'is another client in the share group, or a replica frozen?',
        ];
  }

  /** Whether what is published now comes through; at most a second later. */
  async comesThrough(): Promise<boolean> {
    if (this.silenceMs < FRESH_MS) return true;
    // It is known already, and a probe would only take time.
    if (this.isOverdue) return false;
    this.probing ??= this.probe().finally(() => {
      this.probing = undefined;
    });
    return this.probing;
  }

  /** Checks which canaries have arrived in Redis. Never throws. */
  async look(): Promise<void> {
    try {
      const readings = await readWindow(this.redis, CANARY_FLEET, this.replica, LOOK_BACK);
      const { arrived, lost } = this.canaries.update(
        new Set(readings.map(({ measurements }) => Number(measurements.canary))),
      );
      this.metrics.canaries.inc({ result: 'arrived' }, arrived);
      this.metrics.canaries.inc({ result: 'lost' }, lost);
    } catch (error) {
      if (storeFailure(error) === undefined)
        this.unexpected.report('canary', error, 'cannot look up canary readings; retrying');
    }
  }

  private async probe(): Promise<boolean> {
    const sentAt = performance.now();
    this.send();
    for (let pauseMs = 5; performance.now() - sentAt < PROBE_MS; pauseMs = Math.min(2 * pauseMs, 100)) {
      await delay(pauseMs);
      await this.look();
      if (this.canaries.heardUntil >= sentAt) return true;
    }
    return false;
  }

  private send(): void {
    const topic = deviceTopic(CANARY_FLEET, 'telemetry', this.replica);
    const canary = this.canaries.send();
    this.transport.publish('commands', topic, JSON.stringify({ canary }), EXPIRY_SECONDS, (outcome) => {
      if (outcome !== 0) this.canaries.withdraw(canary);
    });
  }
}
