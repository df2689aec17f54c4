import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { readLines } from './journal.js';

const fileOf = (text: string) => {
  const file = join(temporaryFolder(), 'journal.jsonl');
  writeFileSync(file, text);
  return file;
};

describe('readLines', () => {
  it('reads JSON lines and leaves out an unterminated last line', () => {
    expect(readLines(fileOf('{"t":1}\n{"t":2}\n{"t":'))).toEqual([{ t: 1 }, { t: 2 }]);
  });

  it('rejects an invalid line elsewhere', () => {
    expect(() => readLines(fileOf('{"t":1}\n{"t"\n{"t":3}\n'))).toThrow(/journal.jsonl:2 is not JSON/);
  });
});
