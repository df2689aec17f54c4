import { reading } from '@lamplighter/test-kit/store/replica';
import type { Redis } from 'ioredis';
import type { DeviceAddress } from '../src/devices/device-address.js';
import { readWindow } from '../src/devices/devices.js';
import { WINDOW_SIZE } from '../src/keys.js';
import type { NewReading } from '../src/telemetry/reading-order.js';

/** A reading with this value, and a sequence or a device time. */
export function light(value: number, order: { _seq?: number; _at?: number } = {}): NewReading {
  return reading({ light: value, ...order });
}

/** Readings with these sequence numbers, which are their values as well. */
export function numbered(...seqs: number[]): NewReading[] {
  return seqs.map((seq) => light(seq, { _seq: seq }));
}

/** Readings that the device has counted: `_n` is the value, and `_seq` advances with it. */
export function counted(...numbers: number[]): NewReading[] {
  return numbers.map((n) => reading({ light: n, _n: n, _seq: 1000 + n }));
}

/** The values of `light` in a device's window, oldest first; late ones are marked. */
export async function storedLights(
  redis: Redis,
  { fleet, device }: DeviceAddress,
  limit = WINDOW_SIZE,
): Promise<string> {
  const window = await readWindow(redis, fleet, device, limit);
  return window
    .reverse()
    .map(({ measurements, late }) => `${measurements.light}${late ? ' late' : ''}`)
    .join(', ');
}
