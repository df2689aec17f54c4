import type { DeviceState } from '@lamplighter/contracts/devices/device-state';
import { deviceTopic } from '@lamplighter/contracts/topics';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import {
  claimStates,
  forgetPublishedStates,
  haveOrphanedStates,
  type StateClaim,
  walkPublishedStates,
  walkStates,
} from '@lamplighter/store/devices/published-states';
import { readAllFleetSettings, readFleetSettingsRevision } from '@lamplighter/store/fleets/fleet-settings';
import { type Redis, redisNow } from '@lamplighter/store/redis/connect';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { RulesMetrics } from '../metrics.js';
import { MqttTransport } from '../mqtt/mqtt-transport.js';
import { RulesErrors } from '../rules-errors.js';
import { RepeatedWork } from '../store-access/repeated-work.js';
import { LOGGER, REDIS } from '../tokens.js';

/** Pause between rounds, milliseconds. Each round checks the settings; without states to publish or remove, it does nothing else. */
const ROUND_MS = 200;
const IDLE_ROUND_MS = 1000;
/** Maximum number of devices whose states are claimed, listed or removed in one round. */
const DEVICES_PER_ROUND = 500;
/** Maximum number of devices that wait to be published; more are dropped and counted, and published after their next reading. */
const MAX_WAITING = 20_000;
/** Time within which every working replica has read new settings, milliseconds. */
const SETTINGS_PROPAGATION_MS = 2000;
/** The link for commands, because it is not paused while Redis is slow. */
const LINK = 'commands';
/** Message expiry of a state: the longest that MQTT allows. */
const FOREVER_SECONDS = 0xffff_ffff;
/** Reason codes of a PUBACK: success, and no matching subscribers. */
const ACCEPTED: readonly unknown[] = [0, 16];

/**
 * Publishes the last state of each device, retained, for fleets with `publishState`. A stored reading only marks its device; the state is
 * read from the store under a claim that one replica gets, at most once per second. So late or repeated readings, restarts and other
 * replicas never replace a state with an older one. After each connection to the broker all states are published again, because the
 * broker may have lost them.
 */
@Injectable()
export class StatePublisher implements OnApplicationBootstrap {
  private readonly publishing: RepeatedWork;
  private revision: string | null | undefined;
  private fleets: ReadonlySet<string> = new Set();
  /** Whether any fleet publishes states; if not, a reading costs only this check. */
  private isActive = false;
  /** By the device's key in the store; published in the order of insertion. */
  private readonly waiting = new Map<string, DeviceAddress>();
  /** Published within the last second, with the time after which they may be published again (monotonic, ms); ordered by it. */
  private readonly throttled = new Map<string, { readonly address: DeviceAddress; readonly until: number }>();
  private connections = 0;
  /** Fleets whose states are all to be published, page by page. */
  private readonly sweeps = new Map<string, AsyncGenerator<string[]>>();
  /** Fleets whose retained states are to be removed, not before a time (monotonic, ms). */
  private readonly removals = new Map<
    string,
    { from: number; pages?: AsyncGenerator<string[]> | undefined }
  >();
  /** States that were published before this are published again (server time, ms). */
  private republishBefore = 0;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(LOGGER) logger: Logger,
    private readonly transport: MqttTransport,
    private readonly metrics: RulesMetrics,
    unexpected: RulesErrors,
  ) {
    this.publishing = new RepeatedWork(
      logger,
      unexpected,
      'state',
      'cannot publish device states; waiting for Redis',
      () => this.work(),
    );
  }

  onApplicationBootstrap(): void {
    this.publishing.schedule(ROUND_MS);
  }

  /** Starts no more rounds. */
  stop(): Promise<void> {
    return this.publishing.stop();
  }

  /** Marks a device whose last state or presence was written. */
  markChanged(address: DeviceAddress): void {
    if (this.isActive && this.fleets.has(address.fleet)) this.add(address);
  }

  /** Removes the retained states of removed devices. @returns whether the broker accepted all */
  async removeOfDeleted(devices: readonly { fleet: string; device: string }[]): Promise<boolean> {
    const addresses = devices.map(({ fleet, device }) => new DeviceAddress(fleet, device, false));
    const gone = await haveOrphanedStates(this.redis, addresses);
    return this.remove(addresses.filter((_, i) => gone[i]));
  }

  private add(address: DeviceAddress): void {
    const key = address.deviceKey;
    if (this.waiting.has(key) || this.throttled.has(key)) return;
    if (this.waiting.size + this.throttled.size >= MAX_WAITING)
      this.metrics.statePublishes.inc({ result: 'dropped' });
    else this.waiting.set(key, address);
  }

  /** One round; returns the pause before the next one. */
  private async work(): Promise<number> {
    await this.metrics.storeCall('state', () => this.readSettings());
    const connections = this.transport.connections(LINK);
    if (this.transport.problems().length > 0 || connections === 0) return ROUND_MS;
    if (connections !== this.connections) {
      this.republishBefore = await redisNow(this.redis);
      for (const fleet of this.fleets) this.sweep(fleet);
      this.connections = connections;
    }
    if (!this.isActive && this.removals.size === 0) return IDLE_ROUND_MS;
    await this.publish();
    await this.continueSweeps();
    await this.continueRemovals();
    return ROUND_MS;
  }

  private async readSettings(): Promise<void> {
    const revision = await readFleetSettingsRevision(this.redis);
    if (revision === this.revision) return;
    const before = this.fleets;
    const settings = [...(await readAllFleetSettings(this.redis))];
    this.fleets = new Set(settings.flatMap(([fleet, { publishState }]) => (publishState ? [fleet] : [])));
    this.isActive = this.fleets.size > 0;
    this.revision = revision;
    for (const fleet of this.fleets) {
      this.removals.delete(fleet);
      if (!before.has(fleet)) this.sweep(fleet);
    }
    // Includes fleets that were switched off while no replica ran.
    const from = performance.now() + SETTINGS_PROPAGATION_MS;
    for (const [fleet] of settings) {
      if (this.fleets.has(fleet)) continue;
      this.sweeps.delete(fleet);
      this.removals.set(fleet, { from });
    }
  }

  private async publish(): Promise<void> {
    const now = performance.now();
    for (const [key, { address, until }] of this.throttled) {
      if (until > now) break;
      this.throttled.delete(key);
      this.waiting.set(key, address);
    }
    const addresses: DeviceAddress[] = [];
    for (const [key, address] of this.waiting) {
      if (addresses.length === DEVICES_PER_ROUND) break;
      // Removed before the claim: a device that is marked later may have a newer state than the claim reads.
      this.waiting.delete(key);
      if (this.fleets.has(address.fleet)) addresses.push(address);
    }
    if (addresses.length === 0) return;
    const gone: DeviceAddress[] = [];
    for (const [i, claim] of (await this.claim(addresses)).entries()) {
      const address = addresses[i]!;
      if (claim.kind === 'gone') gone.push(address);
      else if (claim.kind === 'wait') this.throttle(address, now + claim.ms);
      else if (claim.kind === 'state') this.send(address, claim.state);
    }
    await this.remove(gone);
  }

  private async claim(addresses: readonly DeviceAddress[]): Promise<StateClaim[]> {
    try {
      const claim = () => claimStates(this.redis, addresses, this.republishBefore);
      return await this.metrics.storeCall('state', claim);
    } catch (error) {
      for (const address of addresses) this.add(address);
      throw error;
    }
  }

  private throttle(address: DeviceAddress, until: number): void {
    this.waiting.delete(address.deviceKey);
    this.throttled.set(address.deviceKey, { address, until });
  }

  private send({ fleet, device }: DeviceAddress, state: DeviceState): void {
    const topic = deviceTopic(fleet, 'state', device);
    const isSent = this.transport.publishRetained(LINK, topic, JSON.stringify(state), FOREVER_SECONDS);
    // If the link is down, all states are published again when it is up.
    this.metrics.statePublishes.inc({ result: isSent ? 'published' : 'dropped' });
  }

  private sweep(fleet: string): void {
    this.sweeps.set(fleet, walkStates(this.redis, fleet));
  }

  /** Continues one sweep, while at least half of the queue is free for readings. */
  private async continueSweeps(): Promise<void> {
    const [sweep] = this.sweeps;
    if (sweep === undefined) return;
    const [fleet, pages] = sweep;
    let found = 0;
    while (found < DEVICES_PER_ROUND && this.waiting.size < MAX_WAITING / 2) {
      const { value: names, done } = await pages.next();
      if (done) {
        if (this.sweeps.get(fleet) === pages) this.sweeps.delete(fleet);
        return;
      }
      for (const name of names) this.add(new DeviceAddress(fleet, name, false));
      found += names.length;
    }
  }

  /** Continues one removal. */
  private async continueRemovals(): Promise<void> {
    for (const [fleet, removal] of this.removals) {
      if (performance.now() < removal.from) continue;
      removal.pages ??= walkPublishedStates(this.redis, fleet);
      for (let removed = 0; removed < DEVICES_PER_ROUND; ) {
        const { value: names, done } = await removal.pages.next();
        if (done) {
          this.removals.delete(fleet);
          return;
        }
        const addresses = names.map((name) => new DeviceAddress(fleet, name, false));
        if (!(await this.remove(addresses))) {
          // They are still recorded: the next round starts over.
          removal.pages = undefined;
          return;
        }
        removed += names.length;
      }
      return;
    }
  }

  /** Removes retained states; those that the broker did not accept stay recorded. @returns whether it accepted all */
  private async remove(addresses: readonly DeviceAddress[]): Promise<boolean> {
    if (addresses.length === 0) return true;
    const outcomes = await Promise.all(
      addresses.map(({ fleet, device }) =>
        this.transport.clearRetained(LINK, deviceTopic(fleet, 'state', device)),
      ),
    );
    const removed = addresses.filter((_, i) => ACCEPTED.includes(outcomes[i]));
    this.metrics.statePublishes.inc({ result: 'removed' }, removed.length);
    await this.metrics.storeCall('state', () => forgetPublishedStates(this.redis, removed));
    return removed.length === addresses.length;
  }
}
