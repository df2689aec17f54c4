import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { type Backoff, backoffMs } from '@lamplighter/contracts/backoff';
import { type Broker, DEFAULT_BACKOFF } from '@lamplighter/device/connection/broker';
import type { ConnectionEnd } from '@lamplighter/device/connection/connection';
import { BrokerLink, Outage } from './broker-link.js';

export interface NameReservationOptions {
  readonly broker: Broker;
  readonly fleet: string;
  readonly backoff?: Backoff;
  /** The broker is unavailable or refuses the connection; another attempt follows. */
  readonly onOutage: (end: ConnectionEnd) => void;
  /** Another simulator has taken the block: the devices must stop. */
  readonly onLost: () => void;
}

const MAX_BLOCKS = 9999;
/** A conflict between two simulators shows within this time. */
const SETTLE_MS = 500;

/**
 * Reserves a block of device names, so that simulators with the same configuration never share a device.
 *
 * The broker resolves conflicts: it allows one connection per client id. The holder of block 2 of fleet `demo` is connected as
 * `lamplighter-device-sim-demo-2` and subscribed to `demo/claims/2`. Another simulator publishes to `demo/claims/1`, `demo/claims/2` and so
 * on. The PUBACK "no matching subscribers" identifies the first free block, and the simulator connects with the client id of that block. If
 * two do so at the same time, the later connection ends the earlier one, whose owner tries the next block. A holder that lost its connection
 * checks the block again before it reconnects, and gives it up if another simulator has taken it.
 *
 * Nothing is stored: a block is free when the connection of its holder ends. The lowest free block is taken, so that a restarted simulator
 * gets the same devices. Reservations concern simulators only and are not part of the wire contract.
 */
export class NameReservation {
  /** Distinguishes our own stale connection from another simulator. */
  private readonly token = randomBytes(6).toString('hex');
  private readonly released = new AbortController();
  private link: BrokerLink | undefined;

  constructor(private readonly options: NameReservationOptions) {}

  /**
   * Reserves the lowest free block, 1, 2, …; retries until the broker responds. Undefined if this account may not publish to the claim
   * topics, or if the broker does not report missing subscribers.
   * @throws AbortError if it is released in the meantime
   */
  async take(): Promise<number | undefined> {
    const block = await this.retry(() => this.reserveFirstFree());
    if (block !== undefined) void this.maintain(block);
    return block;
  }

  /** Releases the block; settles when the connection is closed. */
  async release(): Promise<void> {
    this.released.abort();
    await this.link?.close();
  }

  private reserveFirstFree(): Promise<number | undefined> {
    return this.withProbe(async (probe) => {
      const isSupported = (await probe.findSubscriber(this.topic(this.token))) === 'none';
      for (let block = 1; isSupported && block <= MAX_BLOCKS; block += 1) {
        if ((await probe.findSubscriber(this.topic(block))) !== 'none') continue;
        // If the broker is unavailable, the next probe throws.
        if (await this.hold(block).then(() => true, falseOnOutage)) return block;
      }
      return undefined;
    });
  }

  private async maintain(block: number): Promise<void> {
    try {
      while (this.link !== undefined) {
        const end = await this.link.ended;
        if (this.released.signal.aborted) return;
        this.options.onOutage(end);
        if (!(await this.retry(() => this.retake(block)))) return this.options.onLost();
      }
    } catch (error) {
      if (!isAbort(error)) throw error;
    }
  }

  /** Reserves the block again after a loss. If the broker has not noticed the loss yet, our token is still subscribed. */
  private retake(block: number): Promise<boolean> {
    return this.withProbe(async (probe) => {
      const stillOurs = (await probe.findSubscriber(this.topic(this.token))) === 'found';
      if (!stillOurs && (await probe.findSubscriber(this.topic(block))) !== 'none') return false;
      await this.hold(block);
      return true;
    });
  }

  /**
   * Connects with the client id of the block.
   * @throws Outage if the connection ends immediately, for example because another simulator did the same
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

  private async withProbe<T>(work: (probe: BrokerLink) => Promise<T>): Promise<T> {
    const probe = await BrokerLink.open(this.options.broker, `lamplighter-device-sim-${this.token}`);
    try {
      return await work(probe);
    } finally {
      await probe.close();
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

/** Whether `take` ended because the reservation was released. */
export function isAbort(error: unknown): boolean {
  return (error as Error | undefined)?.name === 'AbortError';
}

/** Returns false for an outage and rethrows other errors. */
function falseOnOutage(error: unknown): false {
  if (error instanceof Outage) return false;
  throw error;
}
