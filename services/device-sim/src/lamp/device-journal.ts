import { closeSync, openSync, writeSync } from 'node:fs';
import type { DeviceEvent } from '@lamplighter/device/device-event';

/**
 * The journal of the simulated devices, for checking the services: one JSON object per line with an event, its time `t` (milliseconds since
 * 1970) and its device. Each line is written synchronously, so that the journal is complete even if the simulator is killed. PUBACKs are
 * omitted, since they do not show that a reading was stored.
 */
export class DeviceJournal {
  private file: number | undefined;

  /** Opens the file for appending. */
  constructor(path: string) {
    this.file = openSync(path, 'a', 0o600);
  }

  write(device: string, { event, ...more }: DeviceEvent): void {
    if (event !== 'settled') this.append({ event, device, ...more });
  }

  /** Records in advance when a lamp burns out (milliseconds since 1970). The services are not notified. */
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
