import type { MqttMessage } from '../mqtt/messages.js';

/** Births of one fleet, and of all fleets together, that are kept at the same time; further ones are rejected. */
const MAX_PER_FLEET = 10_000;
const MAX_BIRTHS = 20_000;
/** A birth has about 100 bytes. Larger ones are rejected, so that a full buffer takes about 30 MB at most. */
const MAX_BYTES = 1024;

/**
 * Births of devices that exceed NEW_DEVICE_RATE, until the fleet can add devices again: a device announces itself once per connection, so
 * without its birth it would have no session until it reconnects. They are in memory only: if the service dies, the broker delivers them
 * again, because births are retained.
 */
export class DelayedBirths {
  private readonly fleets = new Map<string, Map<string, MqttMessage>>();
  private size = 0;

  /** Keeps a message instead of an earlier one of its topic; false if there is no space for it. */
  add(fleet: string, message: MqttMessage): boolean {
    this.drop(fleet, message.topic);
    if (message.payload.length > MAX_BYTES || this.size >= MAX_BIRTHS) return false;
    const births = this.fleets.get(fleet) ?? new Map<string, MqttMessage>();
    if (births.size >= MAX_PER_FLEET) return false;
    // The payload is a view of a much larger buffer.
    births.set(message.topic, { ...message, payload: Buffer.from(message.payload) });
    this.fleets.set(fleet, births);
    this.size += 1;
    return true;
  }

  /** Drops the message of a topic, because a newer one replaces it. */
  drop(fleet: string, topic: string): void {
    const births = this.fleets.get(fleet);
    if (births?.delete(topic) !== true) return;
    this.size -= 1;
    if (births.size === 0) this.fleets.delete(fleet);
  }

  /**
   * Removes and returns the oldest messages of each fleet.
   * @param limit the most messages of one fleet
   * @param canAdd whether a fleet can add devices
   */
  take(limit: number, canAdd: (fleet: string) => boolean): MqttMessage[] {
    const taken: MqttMessage[] = [];
    for (const [fleet, births] of this.fleets) {
      if (!canAdd(fleet)) continue;
      const oldest = [...births.values()].slice(0, limit);
      for (const { topic } of oldest) this.drop(fleet, topic);
      taken.push(...oldest);
    }
    return taken;
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }
}
