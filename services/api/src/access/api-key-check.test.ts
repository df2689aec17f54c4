import { setImmediate } from 'node:timers/promises';
import { parseApiKey } from '@lamplighter/store/access/api-keys';
import { recordedErrors } from '../../test/recorded-errors.js';
import { storeUnavailable } from '../problems/store-failure.js';
import type { StoreLink } from '../store/store-link.js';
import { ApiKeyCheck } from './api-key-check.js';

const keyOf = (id: number) => `lamp_${id.toString(16).padStart(12, '0')}.${'A'.repeat(43)}`;

const ADMIN = { scopes: ['admin'] };

/** A check on a store that has every id, with the ids that were read and the reported errors. */
function underTest(recordUse: () => unknown = () => Promise.resolve()) {
  const read: string[] = [];
  const { hash } = parseApiKey(keyOf(0))!;
  const hget = (_key: string, id: string) => {
    read.push(id);
    return Promise.resolve(hash);
  };
  const redis = new Proxy({ hget }, { get: (target, name) => (name === 'hget' ? target.hget : recordUse) });
  const { errors, reports } = recordedErrors();
  return { check: new ApiKeyCheck({ redis } as unknown as StoreLink, errors), read, reports };
}

describe('ApiKeyCheck', () => {
  it('reads a key once while it is cached, and rejects other secrets', async () => {
    const { check, read } = underTest();
    expect([await check.find(keyOf(7)), await check.find(keyOf(7))]).toMatchObject([ADMIN, ADMIN]);
    expect(await check.find(keyOf(7).replace(/A$/, 'B'))).toBeUndefined();
    expect(read).toHaveLength(1);
  });

  it('caches a thousand keys and evicts the oldest', async () => {
    const { check, read } = underTest();
    for (let id = 0; id <= 1000; id += 1) await check.find(keyOf(id));
    expect(read).toHaveLength(1001);
    await check.find(keyOf(1000));
    expect(read).toHaveLength(1001);
    await check.find(keyOf(0));
    expect(read).toHaveLength(1002);
  });

  it.each<[what: string, error: Error, reported: boolean]>([
    ['Redis is unavailable', storeUnavailable(), false],
    ['of a bug', new TypeError('x is undefined'), true],
  ])('accepts a key whose use cannot be recorded because %s', async (_what, error, reported) => {
    const { check, reports } = underTest(() => {
      throw error;
    });
    expect(await check.find(keyOf(7))).toMatchObject(ADMIN);
    await setImmediate();
    expect(reports).toEqual(reported ? [['api_keys', error]] : []);
  });
});
