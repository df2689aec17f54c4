import { type Ledger, readLedger } from '@lamplighter/store/fleets/ledger';
import { Injectable } from '@nestjs/common';
import { StoreLink } from '../store/store-link.js';

/**
 * Reads the ledgers of fleets. A read walks all devices of a fleet, page by page. Reads run one at a time, and requests for a
 * fleet whose read has not started yet share it.
 */
@Injectable()
export class LedgerReader {
  private readonly queued = new Map<string, Promise<Ledger>>();
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly link: StoreLink) {}

  /** @throws Problem `store-away`, and errors of Redis */
  read(fleet: string): Promise<Ledger> {
    const shared = this.queued.get(fleet);
    if (shared !== undefined) return shared;
    const walk = this.last.then(() => {
      this.queued.delete(fleet);
      return readLedger(this.link.redis, fleet);
    });
    this.queued.set(fleet, walk);
    this.last = Promise.allSettled([walk]);
    return walk;
  }
}
