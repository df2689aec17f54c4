import { IDENTITY } from '@lamplighter/contracts/identity';
import { deviceNames } from './names.js';

describe('deviceNames', () => {
  it.each([
    [1, 'lamp-0001', 'lamp-0003'],
    [2, 'lamp-2-0001', 'lamp-2-0003'],
    [9999, 'lamp-9999-0001', 'lamp-9999-0003'],
  ])('names the devices of block %i', (block, first, last) => {
    const names = deviceNames(block, 3);
    expect([names[0], names.at(-1)]).toEqual([first, last]);
  });

  it('returns new names each time without a block', () => {
    const [one, other] = [deviceNames(undefined, 1)[0], deviceNames(undefined, 1)[0]];
    expect(one).toMatch(/^lamp-[0-9a-f]{6}-0001$/);
    expect(other).not.toBe(one);
  });

  it('returns unique names that fit into a topic', () => {
    const names = [1, 2, 12, undefined].flatMap((block) => deviceNames(block, 12_000));
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(IDENTITY);
  });
});
