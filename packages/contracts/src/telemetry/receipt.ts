import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { BOUNDS } from '../bounds.js';

const sequences = z.array(z.int().min(0)).max(BOUNDS.maxReceipt);

/**
 * What the server says on `<id>/receipts/<device>` to a device that keeps its readings (`telemetry: keep`): the `_seq` of
 * those that are durable, and of those that it will never take (`refused`). A device forgets a reading on this word only.
 * Repeats and readings that are too old for the window count as stored: sending them again would change nothing.
 */
export const receiptSchema = z.object({ stored: sequences, refused: sequences.optional() });
export type Receipt = z.infer<typeof receiptSchema>;

/** Reads a receipt; undefined if it is none. Never throws. */
export function parseReceipt(payload: Buffer): Receipt | undefined {
  if (payload.length > BOUNDS.maxPayloadBytes || !isUtf8(payload)) return undefined;
  try {
    return receiptSchema.safeParse(JSON.parse(payload.toString())).data;
  } catch {
    return undefined;
  }
}
