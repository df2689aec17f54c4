import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import fc from 'fast-check';
import { FileStorage } from './file-storage.js';
import { type Change, MemoryStorage, StorageFailed } from './storage.js';

const newFile = () => join(temporaryFolder(), 'devices', 'lamp.log');
const open = (path: string) => new FileStorage(path, { fsync: false });

/** The entries of the file after a restart. */
function reopened(path: string) {
  const storage = open(path);
  const entries = [...storage.entries()];
  storage.close();
  return entries;
}

describe('FileStorage', () => {
  it('restores all entries in insertion order', () => {
    const path = newFile();
    const storage = new FileStorage(path);
    storage.write([
      ['a', '1'],
      ['b', '2'],
      ['c', 'three\nlines "and" ü'],
    ]);
    storage.write([
      ['a', '4'],
      ['b', undefined],
    ]);
    storage.close();
    expect(reopened(path)).toEqual([
      ['a', '4'],
      ['c', 'three\nlines "and" ü'],
    ]);
  });

  it('skips a write that a power failure interrupted, and appends after the rest', () => {
    const path = newFile();
    const storage = open(path);
    storage.write([['a', '1']]);
    const whole = statSync(path).size;
    storage.write([
      ['b', '2'],
      ['c', '3'],
    ]);
    storage.close();
    const { size } = statSync(path);
    for (let length = size - 1; length > whole; length -= 1) {
      truncateSync(path, length);
      expect(reopened(path)).toEqual([['a', '1']]);
    }
    const again = open(path);
    again.write([['d', '4']]);
    again.close();
    expect(reopened(path)).toEqual([
      ['a', '1'],
      ['d', '4'],
    ]);
  });

  it('skips only the damaged line', () => {
    const path = newFile();
    const storage = open(path);
    for (const key of ['a', 'b', 'c']) storage.write([[key, 'x'.repeat(20)]]);
    storage.close();
    const bytes = readFileSync(path);
    bytes.writeUInt8(0, Math.floor(bytes.length / 2));
    writeFileSync(path, bytes);
    expect(reopened(path).map(([key]) => key)).toEqual(['a', 'c']);
  });

  it('skips any garbage at the end', () => {
    const path = newFile();
    const storage = open(path);
    storage.write([['a', '1']]);
    storage.close();
    appendFileSync(path, 'deadbeef [["b","2"]]\n\0\0\0\0');
    expect(reopened(path)).toEqual([['a', '1']]);
  });

  it('compacts obsolete lines', () => {
    const path = newFile();
    const storage = open(path);
    for (let i = 0; i < 20_000; i += 1)
      storage.write([
        ['count', String(i)],
        [`r${i}`, 'x'],
        [`r${i - 10}`, undefined],
      ]);
    storage.close();
    expect(statSync(path).size).toBeLessThan(200_000);
    expect(reopened(path)).toHaveLength(11);
  });

  it('throws on a failed write, changes nothing, and works again afterwards', () => {
    const path = newFile();
    const storage = open(path);
    storage.write([['a', '1']]);
    storage.close();
    expect(() => storage.write([['b', '2']])).toThrow(StorageFailed);
    expect(storage.get('b')).toBeUndefined();
    expect(() => open(join(path, 'in-a-file', 'x'))).toThrow(StorageFailed);
  });

  it('matches a storage in memory across restarts', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd');
    const change = fc.tuple(key, fc.option(fc.string({ unit: 'binary' }), { nil: undefined }));
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.array(change, { maxLength: 4 }) },
      { weight: 1, arbitrary: fc.constant('restart' as const) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const path = newFile();
        const model = new MemoryStorage();
        let storage = open(path);
        for (const next of steps) {
          if (next === 'restart') {
            storage.close();
            storage = open(path);
          } else {
            storage.write(next as Change[]);
            model.write(next as Change[]);
          }
          expect([...storage.entries()]).toEqual([...model.entries()]);
        }
        storage.close();
      }),
      { numRuns: 50 },
    );
  });
});
