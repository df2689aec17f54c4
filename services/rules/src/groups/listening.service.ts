import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CanaryService } from '../canary/canary.service.js';
import { MqttTransport } from '../mqtt/mqtt-transport.js';
import { ListeningClock } from './listening-clock.js';

/** How often it is asked whether anything can be heard. Milliseconds. */
const LISTEN_MS = 1000;

/**
 * For how long this replica has listened without a break: silence before that is not silence. It does not listen while a link to the
 * broker is down, Redis is unavailable, or canaries do not come through: a frozen broker keeps its connections open, and keep-alive finds out
 * a minute too late.
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
      LISTEN_MS,
    );
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  get listeningMs(): number {
    return this.clock.listeningMs;
  }

  /** Readings could not be stored. */
  interrupted(): void {
    this.clock.check(true);
  }

  /** Makes sure, before silence is judged, that everything up to now could be heard; else listening begins now. */
  async confirm(): Promise<void> {
    const isHeard = this.transport.problems().length === 0 && (await this.canary.comesThrough());
    this.clock.check(!isHeard);
  }
}
