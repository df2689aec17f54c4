import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { BOUNDS } from '../bounds.js';

const sequences = z.array(z.int().min(0)).max(BOUNDS.maxReceipt);

/**
 * The server's message on `<id>/receipts/<device>` to a device that keeps its readings (`telemetry: keep`): the `_seq` of readings that are
 * durable (`stored`) or rejected permanently. A device deletes a reading only on a receipt. Repeats and readings that are too old for the window
 * count as stored: sending them again would change nothing.
 */
export const receiptSchema = z.object({ stored: sequences, refused: sequences.optional() });
export type Receipt = z.infer<typeof receiptSchema>;

/** Parses a receipt; undefined if it is not valid. Never throws. */
export function parseReceipt(payload: Buffer): Receipt | undefined {
  if (payload.length > BOUNDS.maxPayloadBytes || !isUtf8(payload)) return undefined;
  try {
    return receiptSchema.safeParse(JSON.parse(payload.toString())).data;
  } catch {
    return undefined;
  }
}
