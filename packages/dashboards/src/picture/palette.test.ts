import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { expect, it } from '@jest/globals';
import { withPalette } from './palette.js';

/** Two rows of three pixels, RGB; the second row says how it differs from the first. */
function png(): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(3, 0);
  header.writeUInt32BE(2, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const [none, up] = [0, 2];
  const rows = Buffer.from([none, 10, 20, 30, 10, 20, 30, 200, 0, 0, up, 0, 0, 0, 190, 236, 226, 0, 0, 0]);
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

it('keeps size and colours', () => {
  const out = withPalette(png());
  expect([out.readUInt32BE(16), out.readUInt32BE(20)]).toEqual([3, 2]);
  const [palette = -1, data = -1] = ['PLTE', 'IDAT'].map((type) => out.indexOf(type));
  const rows = inflateSync(out.subarray(data + 4, data + 4 + out.readUInt32BE(data - 4)));
  const colors = [1, 2, 3, 5, 6, 7].map((at) => [
    ...out.subarray(palette + 4 + rows[at]! * 3, palette + 7 + rows[at]! * 3),
  ]);
  expect(colors).toEqual([
    [10, 20, 30],
    [10, 20, 30],
    [200, 0, 0],
    [10, 20, 30],
    [200, 0, 0],
    [200, 0, 0],
  ]);
});
