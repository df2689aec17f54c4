import { randomBytes } from 'node:crypto';

/**
 * Device names: `lamp-0001` in the first block, `lamp-2-0001` in the second. Without a block (`undefined`) they contain a random mark that
 * is new at every start: `lamp-3f9c1b-0001`.
 */
export function deviceNames(block: number | undefined, devices: number): string[] {
  const mark = block === undefined ? `${randomBytes(3).toString('hex')}-` : block === 1 ? '' : `${block}-`;
  return Array.from({ length: devices }, (_, i) => `lamp-${mark}${String(i + 1).padStart(4, '0')}`);
}
