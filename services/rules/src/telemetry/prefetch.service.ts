import { reassertTarget, targetKey } from '@lamplighter/evaluation/quorum/quorum-target';
import { type DeviceWindow, readWindows } from '@lamplighter/store/devices/windows';
import type { Redis } from '@lamplighter/store/redis/connect';
import type { GroupName } from '@lamplighter/store/rules/groups';
import { NEW_DEVICE } from '@lamplighter/store/rules/state-version';
import { Inject, Injectable } from '@nestjs/common';
import { GroupStates } from '../cache/group-states.js';
import type { KnownDevice } from '../cache/known-device.js';
import type { PendingReading } from '../evaluation/evaluate-part.js';
import { RulesMetrics } from '../metrics.js';
import { RuleBook, RuleBookStopped } from '../rule-book/rule-book.service.js';
import { OrderedRetries } from '../store-access/ordered-retries.js';
import { OutageLog } from '../store-access/outage-log.js';
import { untilStored } from '../store-access/until-stored.js';
import { REDIS } from '../tokens.js';

/** Depth for timers, which need the newest readings to find the last receipt, possibly of a late one. */
const MIN_DEPTH = 20;
/** Maximum number of readings in all windows together, some 150 MB. The windows loaded first are evicted, and loaded again when needed. */
const MAX_CACHED_READINGS = 1_000_000;

/** Data that has to be loaded before a batch can be evaluated. */
export interface MissingData {
  readonly fleets: ReadonlySet<string>;
  readonly devices: readonly KnownDevice[];
  /** Groups whose state is not cached or may be out of date. */
  readonly groups: ReadonlyMap<string, GroupName>;
}

/** Loads the data that the devices of a batch lack: rules, windows for rules that need them, and group states for targets of quorums. */
@Injectable()
export class PrefetchService {
  /** Devices with a window, and its maximum size, in the order in which they were loaded. */
  private readonly depths = new Map<KnownDevice, number>();
  private cachedReadings = 0;
  private readonly retries = new OrderedRetries();

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly book: RuleBook,
    private readonly metrics: RulesMetrics,
    private readonly outages: OutageLog,
    private readonly groupStates: GroupStates,
  ) {}

  /** Sets the rules in force of every device. @returns the missing data; undefined if nothing is missing */
  missing(work: ReadonlyMap<KnownDevice, readonly PendingReading[]>): MissingData | undefined {
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
      const isForTimer = readings.length === 0 && device.window === undefined;
      if (device.needsWindow || isForTimer) devices.push(device);
      if (device.targets.length > 0) this.addGroups(device, readings.at(-1), groups);
    }
    const isMissing = fleets.size > 0 || devices.length > 0 || groups.size > 0;
    return isMissing ? { fleets, devices, groups } : undefined;
  }

  /** Adds the groups whose state is needed for the reading of a target. */
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
        this.groupStates.needsRead(
          name,
          (state) => reassertTarget(rule, state, memory, { reading, ageMs, device }, now).emit !== undefined,
        )
      )
        groups.set(`${name.fleet}/${name.rule}`, name);
    }
  }

  /** Loads the missing data, and retries while Redis is unavailable. */
  read(missing: MissingData): Promise<void> {
    return this.retries.run((onRetry) => this.readAll(missing, onRetry));
  }

  private async readAll(
    { fleets, devices, groups }: MissingData,
    waitForTurn: () => Promise<void> | undefined,
  ): Promise<void> {
    const onRetry = (error: Error) => {
      if (!(error instanceof RuleBookStopped)) this.outages.writeFailed(error);
      return waitForTurn();
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
          await this.groupStates.read(some);
          return some.map(() => true);
        },
        { onRetry, onPoison: (name) => this.groupStates.set(name, undefined) },
      );
    const known = devices.filter((device) => {
      const isKnown = device.version !== NEW_DEVICE;
      if (!isKnown) this.cacheWindow(device, { readings: [], count: 0, late: 0 });
      return isKnown;
    });
    if (known.length === 0) return;
    const requests = known.map((device) => ({
      address: device.address,
      depth: device.readingsToLoad(depthOf(device)),
    }));
    const read = (some: readonly (typeof requests)[number][]) =>
      this.metrics.storeCall('history', () => readWindows(this.redis, some));
    const windows = await untilStored(requests, read, { onRetry, onPoison });
    for (const [i, window] of windows.entries()) if (window !== 'failed') this.cacheWindow(known[i]!, window);
  }

  private cacheWindow(device: KnownDevice, window: DeviceWindow): void {
    const depth = depthOf(device);
    device.setWindow(window, depth);
    if (device.depth === 0 || device.window === undefined) return; // for a timer: used once
    this.uncache(device);
    this.depths.set(device, depth);
    this.cachedReadings += depth;
    for (const oldest of this.depths.keys()) {
      if (this.cachedReadings <= MAX_CACHED_READINGS) break;
      oldest.forgetWindow();
      this.uncache(oldest);
    }
  }

  private uncache(device: KnownDevice): void {
    this.cachedReadings -= this.depths.get(device) ?? 0;
    this.depths.delete(device);
  }
}

function depthOf({ depth }: KnownDevice): number {
  return Math.max(depth, MIN_DEPTH);
}
