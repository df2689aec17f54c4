import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { type Backoff, backoffMs } from '@lamplighter/contracts/backoff';
import { type Broker, DEFAULT_BACKOFF } from '@lamplighter/device/connection/broker';
import type { ConnectionEnd } from '@lamplighter/device/connection/connection';
import { BrokerLink, Outage } from './broker-link.js';

export interface ClaimOptions {
  readonly broker: Broker;
  readonly fleet: string;
  readonly backoff?: Backoff;
  /** The broker is away or refuses us; another attempt follows. */
  readonly onOutage: (end: ConnectionEnd) => void;
  /** Another simulator has the block: our devices must stop. */
  readonly onLost: () => void;
}

const MOST_BLOCKS = 9999;
/** Two that claim a block at the same moment find out within this time. */
const SETTLE_MS = 500;

/**
 * A block of device names that one simulator has for itself, so that replicas started alike never share a device.
 *
 * The broker is the referee: it lets one connection at a time have a client id. The holder of block 2 of fleet `demo` is
 * connected as `lamplighter-device-sim-demo-2` and subscribed to `demo/claims/2`. Another simulator asks by publishing to
 * `demo/claims/1`, `demo/claims/2` and so on: the broker answers "no matching subscribers" for the first free block, and the
 * simulator connects under that block's id. If two do so at once, the later connection ends the earlier one, whose owner
 * moves on. A holder that lost its connection asks again before it returns, and yields if another one has the block by then.
 *
 * Nothing is kept anywhere: a block is free as soon as its holder's connection is gone, and the lowest free one is taken, so
 * that a simulator that restarts finds its devices again. Claims are between simulators and no part of the wire contract.
 */
export class BlockClaim {
  /** Tells our own half-dead connection from another simulator. */
  private readonly token = randomBytes(6).toString('hex');
  private readonly released = new AbortController();
  private link: BrokerLink | undefined;

  constructor(private readonly options: ClaimOptions) {}

  /**
   * Claims the lowest free block, 1, 2, …; tries until the broker answers. Undefined if the broker does not let this
   * account claim or does not tell whether anybody listens.
   * @throws AbortError if it is released meanwhile
   */
  async take(): Promise<number | undefined> {
    const block = await this.retry(() => this.takeFirstFree());
    if (block !== undefined) void this.keep(block);
    return block;
  }

  /** Gives the block back; settles when the connection is closed. */
  async release(): Promise<void> {
    this.released.abort();
    await this.link?.close();
  }

  private takeFirstFree(): Promise<number | undefined> {
    return this.asking(async (asker) => {
      const answered = (await asker.whoListens(this.topic(this.token))) === 'nobody';
      for (let block = 1; answered && block <= MOST_BLOCKS; block += 1) {
        if ((await asker.whoListens(this.topic(block))) !== 'nobody') continue;
        // If it is not contested but the broker is gone, the next question tells.
        if (await this.hold(block).then(() => true, unlessOutage)) return block;
      }
      return undefined;
    });
  }

  private async keep(block: number): Promise<void> {
    try {
      while (this.link !== undefined) {
        const end = await this.link.ended;
        if (this.released.signal.aborted) return;
        this.options.onOutage(end);
        if (!(await this.retry(() => this.retake(block)))) return this.options.onLost();
      }
    } catch (error) {
      if (!this.released.signal.aborted) throw error;
    }
  }

  /** After a loss. The broker may not have noticed that our connection is dead: then our token still listens. */
  private retake(block: number): Promise<boolean> {
    return this.asking(async (asker) => {
      const stillOurs = (await asker.whoListens(this.topic(this.token))) === 'somebody';
      if (!stillOurs && (await asker.whoListens(this.topic(block))) !== 'nobody') return false;
      await this.hold(block);
      return true;
    });
  }

  /**
   * Connects under the block's client id.
   * @throws Outage if the connection ends at once, perhaps because another one did the same
   */
  private async hold(block: number): Promise<void> {
    const { broker, fleet } = this.options;
    const link = await BrokerLink.open(broker, `lamplighter-device-sim-${fleet}-${block}`);
    await link.listen(this.topic(this.token));
    await link.listen(this.topic(block));
    const end = await Promise.race([link.ended, wait(SETTLE_MS)]);
    if (end !== undefined) throw new Outage(end);
    this.link = link;
    if (this.released.signal.aborted) await link.close();
    this.released.signal.throwIfAborted();
  }

  private async asking<T>(ask: (asker: BrokerLink) => Promise<T>): Promise<T> {
    const asker = await BrokerLink.open(this.options.broker, `lamplighter-device-sim-${this.token}`);
    try {
      return await ask(asker);
    } finally {
      await asker.close();
    }
  }

  private async retry<T>(attempt: () => Promise<T>): Promise<T> {
    for (let failures = 0; ; failures += 1) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof Outage)) throw error;
        this.options.onOutage(error.end);
      }
      await wait(backoffMs(failures, this.options.backoff ?? DEFAULT_BACKOFF), undefined, {
        signal: this.released.signal,
      });
    }
  }

  private topic(name: number | string): string {
    return `${this.options.fleet}/claims/${name}`;
  }
}

/** Turns an outage into false. */
function unlessOutage(error: unknown): false {
  if (error instanceof Outage) return false;
  throw error;
}
