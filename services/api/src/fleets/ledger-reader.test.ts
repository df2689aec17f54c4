import { storeUnavailable } from '../problems/store-failure.js';
import type { StoreLink } from '../store/store-link.js';
import { LedgerReader } from './ledger-reader.js';

describe('LedgerReader', () => {
  it('rejects the callers of a failed read, and continues with the next one', async () => {
    const errors = [storeUnavailable(), new TypeError('x is undefined')];
    const left = [...errors];
    const link = {
      get redis() {
        throw left.shift();
      },
    } as unknown as StoreLink;
    const ledgers = new LedgerReader(link);
    const reads = [ledgers.read('demo'), ledgers.read('demo'), ledgers.read('other')];
    expect(reads[1]).toBe(reads[0]);
    const settled = await Promise.allSettled(reads);
    expect(settled.map((read) => (read as PromiseRejectedResult).reason as unknown)).toEqual([
      errors[0],
      errors[0],
      errors[1],
    ]);
  });
});
