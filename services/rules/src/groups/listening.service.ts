import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CanaryService } from '../canary/canary.service.js';
import { MqttTransport } from '../mqtt/mqtt-transport.js';
import { ListeningClock } from './listening-clock.js';

/** How often the links are checked, milliseconds. */
const CHECK_MS = 1000;

/**
 * The listening clock of this replica: for how long it has been able to receive telemetry. It restarts while a link to the broker is
 * down, Redis is unavailable, or canaries do not arrive: a frozen broker keeps its connections open, and the keep-alive detects that a
 * minute too late.
 */
@Injectable()
export class ListeningService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly clock = new ListeningClock();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly transport: MqttTransport,
    private readonly canary: CanaryService,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(
      () => this.clock.check(this.transport.problems().length > 0 || this.canary.isOverdue),
      CHECK_MS,
    );
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  get listeningMs(): number {
    return this.clock.listeningMs;
  }

  /** Restarts the clock because readings could not be stored. */
  markInterrupted(): void {
    this.clock.check(true);
  }

  /** Checks, before silence is evaluated, that telemetry arrives now; otherwise the clock restarts. */
  async confirm(): Promise<void> {
    const isReceiving = this.transport.problems().length === 0 && (await this.canary.isPathOpen());
    this.clock.check(!isReceiving);
  }
}
