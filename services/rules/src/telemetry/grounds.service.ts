import { NEW_DEVICE } from '@lamplighter/store/accept-readings';
import type { Redis } from '@lamplighter/store/connect';
import { type DeviceHistory, readHistories } from '@lamplighter/store/histories';
import { Inject, Injectable } from '@nestjs/common';
import { LiveEventsService } from '../live-events/live-events.service.js';
import { RuleBook } from '../rule-book/rule-book.service.js';
import { REDIS } from '../tokens.js';
import type { PendingReading } from './judge.js';
import type { KnownDevice } from './known-device.js';
import { untilStored } from './until-stored.js';

/** A timer looks at the newest readings only to tell when the device was last heard, also by a late one. */
const LEAST_DEPTH = 20;
/** Readings that histories may hold, all together: some 150 MB. Devices that were first to be read make room, and are read again. */
const MAX_REMEMBERED = 1_000_000;

/** What has to be read before a batch can be judged. */
export interface MissingGrounds {
  readonly fleets: ReadonlySet<string>;
  readonly devices: readonly KnownDevice[];
}

/** Sees to it that the devices of a batch have their rules, and those whose rules look back their latest readings. */
@Injectable()
export class GroundsService {
  /** Devices with a history, and how many readings it may have, in the order in which they were read. */
  private readonly remembering = new Map<KnownDevice, number>();
  private remembered = 0;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly book: RuleBook,
    private readonly events: LiveEventsService,
  ) {}

  /** Gives every device the rules in force; what is missing then, or undefined if nothing is. */
  missing(work: ReadonlyMap<KnownDevice, readonly PendingReading[]>): MissingGrounds | undefined {
    let missing: { fleets: Set<string>; devices: KnownDevice[] } | undefined;
    for (const [device, readings] of work) {
      const { fleet } = device.address;
      const rules = this.book.setOf(fleet);
      if (rules !== undefined) device.follow(rules);
      const asksTimer = readings.length === 0 && device.history === undefined;
      if (rules !== undefined && !device.needsHistory && !asksTimer) continue;
      missing ??= { fleets: new Set(), devices: [] };
      if (rules === undefined) missing.fleets.add(fleet);
      else missing.devices.push(device);
    }
    return missing;
  }

  /** Reads them, and does not give up while Redis is away. */
  async read({ fleets, devices }: MissingGrounds): Promise<void> {
    const onRetry = (error: Error) => this.events.storeFailed(error);
    const onPoison = () => undefined;
    if (fleets.size > 0)
      await untilStored(
        [...fleets],
        async (some) => {
          await this.book.ready(some);
          return some.map(() => true);
        },
        { onRetry, onPoison },
      );
    const known = devices.filter((device) => {
      const isKnown = device.version !== NEW_DEVICE;
      if (!isKnown) this.remember(device, { readings: [], count: 0, late: 0 });
      return isKnown;
    });
    if (known.length === 0) return;
    const asked = known.map((device) => ({ address: device.address, depth: depthOf(device) }));
    const histories = await untilStored(asked, (some) => readHistories(this.redis, some), {
      onRetry,
      onPoison,
    });
    for (const [i, history] of histories.entries())
      if (history !== 'failed') this.remember(known[i]!, history);
  }

  private remember(device: KnownDevice, history: DeviceHistory): void {
    const depth = depthOf(device);
    device.remember(history, depth);
    if (device.depth === 0) return; // a timer's look: it is forgotten at once
    this.forget(device);
    this.remembering.set(device, depth);
    this.remembered += depth;
    for (const oldest of this.remembering.keys()) {
      if (this.remembered <= MAX_REMEMBERED) break;
      oldest.history = undefined;
      this.forget(oldest);
    }
  }

  private forget(device: KnownDevice): void {
    this.remembered -= this.remembering.get(device) ?? 0;
    this.remembering.delete(device);
  }
}

function depthOf({ depth }: KnownDevice): number {
  return Math.max(depth, LEAST_DEPTH);
}
