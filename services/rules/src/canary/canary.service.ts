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

/** How often arrivals are checked while a canary is in flight, milliseconds. */
const CHECK_MS = 1000;
const CHECKS_PER_CANARY = 5;
/** Message expiry of a canary, seconds. */
const EXPIRY_SECONDS = 5;
/** Three periods: if the latest canary is older, the path is broken. Milliseconds. */
export const CANARY_STALE_MS = 15_000;
/** The newest readings that are read: at least the canaries in flight. */
const READINGS_CHECKED = 64;
/** A canary that arrived within this time makes a probe unnecessary. Milliseconds. */
const FRESH_MS = 500;
/** Longest wait for a probe, milliseconds; it usually takes ten. */
const PROBE_MS = 1000;

/**
 * Sends readings through the whole path (broker, access list, shared subscription, ingest, Redis) and checks that they arrive. Only this
 * proves the path: a granted subscription may deliver nothing, because Mosquitto 2.0 checks read access per message.
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
    let checks = 1;
    this.timer = setInterval(() => {
      if (checks % CHECKS_PER_CANARY === 0) this.send();
      else if (this.canaries.hasInFlight) void this.checkArrivals();
      checks += 1;
    }, CHECK_MS);
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Age of the newest canary in Redis, milliseconds; undefined if there is none. @throws if Redis is unavailable */
  async ageMs(): Promise<number | undefined> {
    return (await readDevice(this.redis, CANARY_FLEET, this.replica))?.ageMs;
  }

  /**
   * Time since the latest canary that arrived was sent, or since the start, milliseconds. Does not call Redis, so that a scrape never
   * waits for a frozen Redis.
   */
  get silenceMs(): number {
    return performance.now() - this.canaries.receivedUntil;
  }

  /** Whether a canary is overdue; while it is, no device counts as silent. */
  get isOverdue(): boolean {
    return this.canaries.isOverdue;
  }

  /** Reports lost canaries to readiness. */
  problems(): string[] {
    const { losses } = this.canaries;
    return losses === undefined
      ? []
      : [
          `${losses.lost} of the last ${losses.of} canary readings did not arrive, so telemetry of devices is lost, too; ` +
            'check for another client in the share group and for frozen replicas',
        ];
  }

  /** Whether a reading that is published now arrives in Redis; takes at most a second. */
  async isPathOpen(): Promise<boolean> {
    if (this.silenceMs < FRESH_MS) return true;
    if (this.isOverdue) return false; // without the delay of a probe
    this.probing ??= this.probe().finally(() => {
      this.probing = undefined;
    });
    return this.probing;
  }

  /** Checks which canaries have arrived in Redis. */
  async checkArrivals(): Promise<void> {
    try {
      const readings = await readWindow(this.redis, CANARY_FLEET, this.replica, READINGS_CHECKED);
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
      await this.checkArrivals();
      if (this.canaries.receivedUntil >= sentAt) return true;
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
