import type { KnownDevice } from '../cache/known-device.js';

/** The place of a batch in the order of arrival. */
export interface Turn {
  readonly number: number;
  readonly held: Set<KnownDevice>;
  readonly ended: Promise<void>;
  readonly end: () => void;
}

/**
 * Keeps the readings of a device in order. Batches are evaluated and stored concurrently; a batch that has to prefetch data, or that
 * conflicts, holds its devices until it is stored, and later batches of these devices wait for it.
 */
export class DeviceTurns {
  private batches = 0;
  private readonly holders = new Map<KnownDevice, Turn[]>();

  /** Registers a batch; call `leave` when it is stored. */
  enter(): Turn {
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.batches += 1;
    return { number: this.batches, held: new Set(), ended, end };
  }

  hold(turn: Turn, devices: Iterable<KnownDevice>): void {
    for (const device of devices) {
      if (turn.held.has(device)) continue;
      turn.held.add(device);
      const others = this.holders.get(device);
      if (others === undefined) this.holders.set(device, [turn]);
      else others.push(turn);
    }
  }

  /** Settles when an earlier batch that holds one of these devices has left; undefined if there is none. */
  wait(turn: Turn, devices: Iterable<KnownDevice>): Promise<void> | undefined {
    if (this.holders.size === 0) return undefined;
    for (const device of devices) {
      const earlier = this.holders.get(device)?.find(({ number }) => number < turn.number);
      if (earlier !== undefined) return earlier.ended;
    }
    return undefined;
  }

  leave(turn: Turn): void {
    for (const device of turn.held) {
      const others = this.holders.get(device)!.filter((other) => other !== turn);
      if (others.length === 0) this.holders.delete(device);
      else this.holders.set(device, others);
    }
    turn.end();
  }
}
