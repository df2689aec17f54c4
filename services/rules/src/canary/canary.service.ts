import { CANARY_FLEET } from '@lamplighter/contracts/identity';
import { deviceTopic } from '@lamplighter/contracts/topics';
import type { Redis } from '@lamplighter/store/connect';
import { readDevice } from '@lamplighter/store/devices';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type Config, replicaName } from '../config.js';
import { MqttTransport } from '../mqtt/mqtt-transport.js';
import { CONFIG, REDIS } from '../tokens.js';

const PERIOD_MS = 5000;
/** Three periods: older than this, and the path is broken somewhere. */
export const CANARY_STALE_MS = 15_000;

/**
 * Sends a reading through the whole path, broker → access list → shared subscription → ingest → Redis, and looks whether it arrives.
 * A subscription may be granted and yet deliver nothing (Mosquitto 2.0 checks read access per message), so nothing less proves it.
 */
@Injectable()
export class CanaryService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly replica: string;
  private timer: NodeJS.Timeout | undefined;
  /** When a canary last came through, or this began; monotonic time of this process, milliseconds. */
  private cameAt = performance.now();

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(CONFIG) config: Config,
    private readonly transport: MqttTransport,
  ) {
    this.replica = replicaName(config);
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      void this.look();
      this.send();
    }, PERIOD_MS);
    setTimeout(() => this.send(), 500).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Age of the newest canary that came through, milliseconds; undefined if none did or Redis is away. */
  async ageMs(): Promise<number | undefined> {
    return (await readDevice(this.redis, CANARY_FLEET, this.replica))?.ageMs;
  }

  /**
   * For how long no canary has come through, or it could not be seen, milliseconds; from the start if none has yet. Known without
   * asking Redis, so that a scrape never waits for a Redis that is stuck; so it is up to two periods old.
   */
  get silenceMs(): number {
    return performance.now() - this.cameAt;
  }

  private async look(): Promise<void> {
    const age = await this.ageMs().catch(() => undefined);
    if (age !== undefined) this.cameAt = Math.max(this.cameAt, performance.now() - age);
  }

  private send(): void {
    const topic = deviceTopic(CANARY_FLEET, 'telemetry', this.replica);
    this.transport.publish(
      'commands',
      topic,
      JSON.stringify({ canary: 1 }),
      PERIOD_MS / 1000,
      () => undefined,
    );
  }
}
