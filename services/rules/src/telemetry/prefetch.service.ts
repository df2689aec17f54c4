import { reassertTarget, targetKey } from '@lamplighter/evaluation/quorum/quorum-target';
import { type DeviceHistory, readHistories } from '@lamplighter/store/devices/histories';
import type { Redis } from '@lamplighter/store/redis/connect';
import type { GroupName } from '@lamplighter/store/rules/groups';
import { NEW_DEVICE } from '@lamplighter/store/rules/state-version';
import { Inject, Injectable } from '@nestjs/common';
import type { PendingReading } from '../evaluation/evaluate-part.js';
import { GroupVerdicts } from '../evaluation/group-verdicts.js';
import type { KnownDevice } from '../evaluation/known-device.js';
import { RulesMetrics } from '../metrics.js';
import { RuleBook, RuleBookStopped } from '../rule-book/rule-book.service.js';
import { OrderedRetries } from '../store-access/ordered-retries.js';
import { OutageLog } from '../store-access/outage-log.js';
import { untilStored } from '../store-access/until-stored.js';
import { REDIS } from '../tokens.js';

/** A timer looks at the newest readings only to tell when the device was last heard, also by a late one. */
const LEAST_DEPTH = 20;
/** Readings that histories may hold, all together: some 150 MB. Devices that were first to be read make room, and are read again. */
const MAX_REMEMBERED = 1_000_000;

/** What has to be read before a batch can be judged. */
export interface MissingPrefetch {
  readonly fleets: ReadonlySet<string>;
  readonly devices: readonly KnownDevice[];
  /** Groups of which it is not known, or not surely, what they have decided. */
  readonly groups: ReadonlyMap<string, GroupName>;
}

/**
 * Sees to it that the devices of a batch have their rules, those whose rules look back their latest readings, and targets of quorums
 * what was decided.
 */
@Injectable()
export class PrefetchService {
  /** Devices with a history, and how many readings it may have, in the order in which they were read. */
  private readonly remembering = new Map<KnownDevice, number>();
  private remembered = 0;
  private readonly retries = new OrderedRetries();

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly book: RuleBook,
    private readonly metrics: RulesMetrics,
    private readonly outages: OutageLog,
    private readonly groupVerdicts: GroupVerdicts,
  ) {}

  /** Gives every device the rules in force; what is missing then, or undefined if nothing is. */
  missing(work: ReadonlyMap<KnownDevice, readonly PendingReading[]>): MissingPrefetch | undefined {
    const fleets = new Set<string>();
    const devices: KnownDevice[] = [];
    const groups = new Map<string, GroupName>();
    for (const [device, readings] of work) {
      const { fleet } = device.address;
      const rules = this.book.setOf(fleet);
      if (rules === undefined) {
        fleets.add(fleet);
        continue;
      }
      device.useRules(rules);
      const asksTimer = readings.length === 0 && device.history === undefined;
      if (device.needsHistory || asksTimer) devices.push(device);
      if (device.targets.length > 0) this.addGroups(device, readings.at(-1), groups);
    }
    const isMissing = fleets.size > 0 || devices.length > 0 || groups.size > 0;
    return isMissing ? { fleets, devices, groups } : undefined;
  }

  /** Adds the groups of which a target's reading needs to be known what stands. */
  private addGroups(
    device: KnownDevice,
    newest: PendingReading | undefined,
    groups: Map<string, GroupName>,
  ): void {
    if (newest === undefined || newest.isRetained) return;
    const { address, targets, states } = device;
    const { reading, ageMs } = newest;
    const now = Date.now();
    for (const rule of targets) {
      const name = { fleet: address.fleet, rule: rule.id };
      const memory = states[targetKey(rule.id)];
      if (
        this.groupVerdicts.needsRead(
          name,
          (state) => reassertTarget(rule, state, memory, { reading, ageMs, device }, now).emit !== undefined,
        )
      )
        groups.set(`${name.fleet}/${name.rule}`, name);
    }
  }

  /** Reads them, and does not give up while Redis is unavailable. */
  read(missing: MissingPrefetch): Promise<void> {
    return this.retries.run((repeats) => this.readAll(missing, repeats));
  }

  private async readAll(
    { fleets, devices, groups }: MissingPrefetch,
    repeats: () => Promise<void> | undefined,
  ): Promise<void> {
    const onRetry = (error: Error) => {
      if (!(error instanceof RuleBookStopped)) this.outages.writeFailed(error);
      return repeats();
    };
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
    if (groups.size > 0)
      await untilStored(
        [...groups.values()],
        async (some) => {
          await this.groupVerdicts.read(some);
          return some.map(() => true);
        },
        { onRetry, onPoison: (name) => this.groupVerdicts.set(name, undefined) },
      );
    const known = devices.filter((device) => {
      const isKnown = device.version !== NEW_DEVICE;
      if (!isKnown) this.remember(device, { readings: [], count: 0, late: 0 });
      return isKnown;
    });
    if (known.length === 0) return;
    const asked = known.map((device) => ({
      address: device.address,
      depth: device.readingsToLoad(depthOf(device)),
    }));
    const read = (some: readonly (typeof asked)[number][]) =>
      this.metrics.storeCall('history', () => readHistories(this.redis, some));
    const histories = await untilStored(asked, read, { onRetry, onPoison });
    for (const [i, history] of histories.entries())
      if (history !== 'failed') this.remember(known[i]!, history);
  }

  private remember(device: KnownDevice, history: DeviceHistory): void {
    const depth = depthOf(device);
    device.setHistory(history, depth);
    if (device.depth === 0 || device.history === undefined) return; // a timer's look: it is forgotten at once
    this.forget(device);
    this.remembering.set(device, depth);
    this.remembered += depth;
    for (const oldest of this.remembering.keys()) {
      if (this.remembered <= MAX_REMEMBERED) break;
      oldest.forgetHistory();
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
