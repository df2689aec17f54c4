import { randomBytes } from 'node:crypto';

/**
 * The name of a device: `lamp-0001` in the first block, `lamp-2-0001` in the second. Without a block (`undefined`) the
 * simulator has a random mark, `lamp-3f9c1b-0001`, which is new at every start.
 */
export function deviceNames(block: number | undefined, devices: number): string[] {
  const mark = block === undefined ? `${randomBytes(3).toString('hex')}-` : block === 1 ? '' : `${block}-`;
  return Array.from({ length: devices }, (_, i) => `lamp-${mark}${String(i + 1).padStart(4, '0')}`);
}
