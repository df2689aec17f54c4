import { canaryAgeMs } from '@lamplighter/store/telemetry/canary';
import { Inject, Injectable } from '@nestjs/common';
import { StoreLink } from '../store/store-link.js';

/** Rules replicas send a canary every 5 s; older than three of them, and the path is broken somewhere. */
const CANARY_STALE_MS = 15_000;

/** What keeps the whole of Lamplighter from its work, as far as it shows here. */
@Injectable()
export class Readiness {
  private isStopping = false;

  constructor(@Inject(StoreLink) private readonly link: StoreLink) {}

  stopping(): void {
    this.isStopping = true;
  }

  /** In words; empty when the service is ready. */
  async problems(): Promise<string[]> {
    if (this.isStopping) return ['this service is stopping'];
    const canary = await this.canaryProblems();
    // After the canary: while it was asked for, Redis may have gone.
    return [...this.link.problems(), ...canary];
  }

  /** A canary that came through proves broker, access list, subscription, rules and Redis. */
  private async canaryProblems(): Promise<string[]> {
    let age: number | undefined;
    try {
      age = await canaryAgeMs(this.link.redis);
    } catch {
      return this.link.problems().length > 0 ? [] : ['Redis does not answer'];
    }
    if (age !== undefined && age <= CANARY_STALE_MS) return [];
    const since = age === undefined ? 'ever' : `for ${Math.round(age / 1000)} s`;
    return [
      `no canary reading has come through broker and rules ${since}: is the broker up, and a rules service ready?`,
    ];
  }
}
