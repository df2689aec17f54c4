import fc from 'fast-check';
import { newCommandId, shardOfCommand } from './commands/command-id.js';
import {
  commandKeys,
  crc16,
  deviceKey,
  devicesKey,
  fleetsKey,
  idempotencyKey,
  presenceKey,
  SHARDS,
  shardOf,
  windowKey,
} from './keys.js';

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/);

it.each([
  ['', 0],
  ['123456789', 0x31c3], // the check value of CRC-16/XMODEM
  ['foo', 44950], // CLUSTER KEYSLOT foo is 12182, which is this modulo 16384
])('the checksum of %j is %d', (text, checksum) => {
  expect(crc16(text)).toBe(checksum);
});

it('devices are spread evenly over all shards', () => {
  const counts = new Array<number>(SHARDS).fill(0);
  for (let i = 0; i < 64_000; i += 1) counts[shardOf('demo', `lamp-${i}`)]! += 1;
  expect(Math.min(...counts)).toBeGreaterThan(700);
  expect(Math.max(...counts)).toBeLessThan(1300);
});

it('the shard of a device never changes: with another function its data would be lost', () => {
  const shards = [shardOf('demo', 'lamp-0001'), shardOf('demo', 'lamp-0002'), shardOf('s1', 's1')];
  expect(shards).toEqual([29, 62, 6]);
});

it('no two devices share a key, and every key of a device has its shard as hash tag', () => {
  const keysOf = (fleet: string, device: string) => {
    const shard = shardOf(fleet, device);
    return {
      shard,
      keys: [
        deviceKey(shard, fleet, device),
        windowKey(shard, fleet, device),
        idempotencyKey(shard, fleet, device, 'x'),
      ],
    };
  };
  fc.assert(
    fc.property(name, name, name, name, (fleet, device, otherFleet, otherDevice) => {
      const { shard, keys } = keysOf(fleet, device);
      const schedules = [
        presenceKey(shard, fleet),
        devicesKey(shard, fleet),
        fleetsKey(shard),
        ...commandKeys(shard),
      ];
      for (const key of [...keys, ...schedules]) expect(key.startsWith(`{${shard}}:`)).toBe(true);
      const isSame = fleet === otherFleet && device === otherDevice;
      expect(keysOf(otherFleet, otherDevice).keys.some((key) => keys.includes(key))).toBe(isSame);
    }),
  );
});

describe('a command id', () => {
  it('contains its shard', () => {
    for (let shard = 0; shard < SHARDS; shard += 1) expect(shardOfCommand(newCommandId(shard))).toBe(shard);
  });

  it('sorts by time within a process', () => {
    const ids = Array.from({ length: 1000 }, () => newCommandId(7));
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('fits into an acknowledgement', () => {
    expect(newCommandId(63).length).toBeLessThanOrEqual(64);
  });

  it.each([
    '',
    'x',
    `${'0'.repeat(26)}-64`,
    `${'0'.repeat(26)}-`,
    `${'0'.repeat(26)}-1 `,
    `${'0'.repeat(26)}-1\n`,
    `${'I'.repeat(26)}-1`,
    `${'0'.repeat(25)}-1`,
    `${'0'.repeat(26)}--1`,
    `${'0'.repeat(26)}-001`,
  ])('is not %j', (text) => {
    expect(shardOfCommand(text)).toBeUndefined();
  });
});
