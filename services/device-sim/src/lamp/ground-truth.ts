import { closeSync, openSync, writeSync } from 'node:fs';
import type { DeviceEvent } from '@lamplighter/device/device-event';

/**
 * The devices' own account of what happened, for whoever checks the services: JSON lines of an event, its time `t` (ms since 1970)
 * and its device. Each is written before anything else happens, so that a killed simulator has told everything. What the broker
 * said of a message is left out: it proves nothing.
 */
export class GroundTruth {
  private file: number | undefined;

  /** Appends to the file. */
  constructor(path: string) {
    this.file = openSync(path, 'a', 0o600);
  }

  write(device: string, { event, ...more }: DeviceEvent): void {
    if (event !== 'settled') this.append({ event, device, ...more });
  }

  /** Tells in advance when a lamp burns out (ms since 1970); it never tells the services. */
  writeFault(device: string, at: number): void {
    this.append({ event: 'burns_out', device, at });
  }

  private append(line: object): void {
    if (this.file !== undefined) writeSync(this.file, `${JSON.stringify({ t: Date.now(), ...line })}\n`);
  }

  close(): void {
    if (this.file !== undefined) closeSync(this.file);
    this.file = undefined;
  }
}
