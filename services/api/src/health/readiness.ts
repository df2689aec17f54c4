import { canaryAgeMs } from '@lamplighter/store/telemetry/canary';
import { Injectable } from '@nestjs/common';
import { ApiErrors } from '../foundation/api-errors.js';
import { isStoreFailure } from '../problems/store-failure.js';
import { StoreLink } from '../store/store-link.js';

/** Rules replicas send a canary every 5 s; after three missed ones the path is considered broken. */
const CANARY_STALE_MS = 15_000;

/** Why Lamplighter as a whole is not ready, as far as the API can see. */
@Injectable()
export class Readiness {
  private isStopping = false;

  constructor(
    private readonly link: StoreLink,
    private readonly errors: ApiErrors,
  ) {}

  stopping(): void {
    this.isStopping = true;
  }

  /** Reasons; empty if the service is ready. */
  async problems(): Promise<string[]> {
    if (this.isStopping) return ['this service is stopping'];
    const canary = await this.canaryProblems();
    // After the canary: Redis may have become unavailable while it was read.
    return [...this.link.problems(), ...canary];
  }

  /** A recent canary proves that the broker, access list, subscription, rules and Redis work. */
  private async canaryProblems(): Promise<string[]> {
    let age: number | undefined;
    try {
      age = await canaryAgeMs(this.link.redis);
    } catch (error) {
      if (!isStoreFailure(error)) {
        this.errors.report('readiness', error, 'cannot read the canary; not ready');
        return ['the canary could not be read; see the API log'];
      }
      return this.link.problems().length > 0 ? [] : ['Redis does not reply'];
    }
    if (age !== undefined && age <= CANARY_STALE_MS) return [];
    const since = age === undefined ? 'yet' : `for ${Math.round(age / 1000)} s`;
    return [
      `no canary reading has arrived through the broker and rules ${since}: check that the broker is up and a replica of rules is ready`,
    ];
  }
}
