import { parseApiKey } from '@lamplighter/store/access/api-keys';
import type { StoreLink } from '../store/store-link.js';
import { ApiKeyCheck } from './api-key-check.js';

const keyOf = (id: number) => `lamp_${id.toString(16).padStart(12, '0')}.${'A'.repeat(43)}`;

/** A check on a store that has every id, and the ids that were read. */
function underTest() {
  const asked: string[] = [];
  const { hash } = parseApiKey(keyOf(0))!;
  const hget = (_key: string, id: string) => {
    asked.push(id);
    return Promise.resolve(hash);
  };
  return { check: new ApiKeyCheck({ redis: { hget } } as unknown as StoreLink), asked };
}

it('reads a key once while it is cached, and rejects other secrets', async () => {
  const { check, asked } = underTest();
  expect([await check.accepts(keyOf(7)), await check.accepts(keyOf(7))]).toEqual([true, true]);
  expect(await check.accepts(keyOf(7).replace(/A$/, 'B'))).toBe(false);
  expect(asked).toHaveLength(1);
});

it('caches a thousand keys and evicts the oldest', async () => {
  const { check, asked } = underTest();
  for (let id = 0; id <= 1000; id += 1) await check.accepts(keyOf(id));
  expect(asked).toHaveLength(1001);
  await check.accepts(keyOf(1000));
  expect(asked).toHaveLength(1001);
  await check.accepts(keyOf(0));
  expect(asked).toHaveLength(1002);
});
