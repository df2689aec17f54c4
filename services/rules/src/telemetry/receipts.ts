import type { Receipt } from '@lamplighter/contracts/telemetry/receipt';
import type { KnownDevice } from '../cache/known-device.js';

/** The receipts of one batch, by device. */
export class Receipts {
  readonly byDevice = new Map<KnownDevice, { stored: number[]; refused: number[] }>();

  /** Adds the sequence number of a reading, if the device expects receipts. */
  add(device: KnownDevice, result: keyof Receipt, seq: number | undefined): void {
    if (!device.expectsReceipts || seq === undefined) return;
    let receipt = this.byDevice.get(device);
    if (receipt === undefined) {
      receipt = { stored: [], refused: [] };
      this.byDevice.set(device, receipt);
    }
    receipt[result].push(seq);
  }
}
