import { CANARY_FLEET } from '@lamplighter/contracts/identity';
import { Budget } from '../budget.js';

/** Payload bytes per unit: a message costs one unit, and one more for each further 256 bytes. */
const UNIT_BYTES = 256;
/** A device can send the messages of this time at once, ms: enough for the outbox of an outage. */
const DEVICE_BURST_MS = 30_000;
/** The same for a fleet, ms: at the default rate as many messages as the broker queues during an outage. */
const FLEET_BURST_MS = 4000;
/** A fleet that sent nothing for this long has no share, ms. */
const ACTIVE_MS = 60_000;
const RECOUNT_MS = 1000;
/** Topics with a budget, about 200 bytes each. The least recently active ones are evicted. */
const MAX_TOPICS = 100_000;
/** Fleets with a budget of their own; further ones share one. */
const MAX_FLEETS = 10_000;
const CANARY_PREFIX = `${CANARY_FLEET}/`;

/** How many new devices a fleet can add at once, as time of its rate, ms. */
const NEW_DEVICE_BURST_MS = 10_000;

/** Which budget a rejected message exceeds. */
export type Excess = 'device_rate' | 'fleet_rate' | 'new_device_rate';

/** Budgets per second: of a device and a fleet in units, and for new devices of a fleet. */
export interface FairRates {
  readonly device: number;
  readonly fleet: number;
  readonly newDevices: number;
}

interface DeviceShare {
  /** The same string for all messages, so that its hash is computed once. */
  readonly fleet: string;
  readonly budget: Budget;
}

interface FleetShare {
  readonly budget: Budget;
  readonly newDevices: Budget;
  seenAt: number;
}

/**
 * Limits what devices and fleets send, so that none uses up what the others need. Each device has a budget per topic, and each fleet one
 * for all its devices; a message is rejected if either is spent. The budget of a fleet applies only while other fleets are active. Names that
 * this replica does not know are rejected while the fleet adds too many devices. Budgets are those of this replica.
 */
export class FairShares {
  private readonly devices = new Map<string, DeviceShare>();
  private older = new Map<string, DeviceShare>();
  private readonly fleets = new Map<string, FleetShare>();
  private readonly others: FleetShare;
  private isShared = false;
  private recountAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly rates: FairRates) {
    this.others = this.newFleet();
  }

  /**
   * Charges a message to its device and its fleet, unless it is rejected. Allocates nothing for a known topic.
   * @param now monotonic time, milliseconds
   */
  charge(topic: string, bytes: number, now: number): Excess | undefined {
    if (topic.startsWith(CANARY_PREFIX)) return undefined; // only the rules service may publish there
    const device = this.find(topic);
    const name = device?.fleet ?? fleetOf(topic);
    const fleet = this.fleets.get(name) ?? this.addFleet(name);
    fleet.seenAt = now;
    if (now >= this.recountAt) this.recount(now);
    if (device?.budget.isSpent(now)) return 'device_rate';
    // Before an unknown topic is added, so that invented names cost nothing.
    if (device === undefined && fleet.newDevices.isSpent(now)) return 'new_device_rate';
    if (this.isShared && fleet.budget.isSpent(now)) return 'fleet_rate';
    const units = 1 + Math.floor(bytes / UNIT_BYTES);
    (device ?? this.addDevice(topic, name)).budget.charge(units, now);
    if (this.isShared) fleet.budget.charge(units, now);
    return undefined;
  }

  /** Charges a device that was added to the store, which costs much more than a reading of a known one. */
  chargeNewDevice(fleet: string, now: number): void {
    this.fleets.get(fleet)?.newDevices.charge(1, now);
  }

  /** Whether a fleet has not exceeded its budget for new devices. */
  canAddDevice(fleet: string, now: number): boolean {
    return this.fleets.get(fleet)?.newDevices.isSpent(now) !== true;
  }

  private find(topic: string): DeviceShare | undefined {
    const current = this.devices.get(topic);
    if (current !== undefined) return current;
    const older = this.older.get(topic);
    if (older !== undefined) this.keep(topic, older);
    return older;
  }

  private addDevice(topic: string, fleet: string): DeviceShare {
    const share = { fleet, budget: new Budget(this.rates.device, DEVICE_BURST_MS) };
    this.keep(topic, share);
    return share;
  }

  /** Two generations instead of a linked list: a topic without messages for a whole generation is evicted. */
  private keep(topic: string, share: DeviceShare): void {
    if (this.devices.size >= MAX_TOPICS / 2) {
      this.older = new Map(this.devices);
      this.devices.clear();
    }
    this.devices.set(topic, share);
  }

  private addFleet(name: string): FleetShare {
    if (this.fleets.size >= MAX_FLEETS) return this.others;
    const share = this.newFleet();
    this.fleets.set(name, share);
    return share;
  }

  private newFleet(): FleetShare {
    return {
      budget: new Budget(this.rates.fleet, FLEET_BURST_MS),
      newDevices: new Budget(this.rates.newDevices, NEW_DEVICE_BURST_MS),
      seenAt: Number.NEGATIVE_INFINITY,
    };
  }

  /** Removes fleets that are no longer active. Their budget is full again by then. */
  private recount(now: number): void {
    this.recountAt = now + RECOUNT_MS;
    for (const [name, { seenAt }] of this.fleets) if (now - seenAt > ACTIVE_MS) this.fleets.delete(name);
    this.isShared = this.fleets.size > 1;
  }
}

/** The first level of a topic. */
export function fleetOf(topic: string): string {
  return topic.slice(0, topic.indexOf('/'));
}
