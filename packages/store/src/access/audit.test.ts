import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { auditKey } from '../keys.js';
import type { Scope } from './api-key.js';
import { type AuditEntry, type AuditRecord, appendAudit, readAudit } from './audit.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore();
});
beforeEach(async () => {
  await store.redis.flushall();
});

const entry = (path: string): AuditEntry => ({
  key: '3f2a91c0d4e7',
  method: 'POST',
  path,
  from: '127.0.0.1',
  status: 202,
});
const append = (scope: Scope, path: string) => appendAudit(store.redis, [{ scope, entry: entry(path) }]);

it('lists entries of all scopes, or of one, newest first', async () => {
  const before = Date.now() - 1000;
  await append('command', '/1');
  await append('rules', '/2');
  await append('command', '/3');
  const { records, next } = await readAudit(store.redis, { limit: 10 });
  expect(records).toMatchObject([
    { path: '/3', scope: 'command', key: '3f2a91c0d4e7', status: 202 },
    { path: '/2', scope: 'rules' },
    { path: '/1', scope: 'command' },
  ]);
  expect(records[2]!.at).toBeGreaterThan(before);
  expect(next).toBeUndefined();
  const rules = await readAudit(store.redis, { limit: 10, scope: 'rules' });
  expect(rules.records.map(({ path }) => path)).toEqual(['/2']);
});

it('pages return every entry once, even if entries of several scopes have the same id', async () => {
  for (const [n, scope] of (['command', 'rules', 'devices', 'admin', 'command', 'rules'] as const).entries())
    for (const id of [`${1000 + Math.floor(n / 2)}-0`])
      await store.redis.xadd(auditKey(scope), id, 'entry', JSON.stringify(entry(`/${n}`)));
  for (const limit of [1, 2, 3, 6]) {
    const seen: AuditRecord[] = [];
    for (let before: string | undefined = undefined, pages = 0; pages < 10; pages += 1) {
      const page: Awaited<ReturnType<typeof readAudit>> = await readAudit(store.redis, { limit, before });
      seen.push(...page.records);
      before = page.next;
      if (before === undefined) break;
    }
    expect(seen.map(({ path }) => path).sort()).toEqual(['/0', '/1', '/2', '/3', '/4', '/5']);
  }
});

it('keeps about ten thousand entries of a scope, and those of the others', async () => {
  await append('admin', '/keys');
  const many = Array.from({ length: 1000 }, (_, n) => ({
    scope: 'command' as const,
    entry: entry(`/${n}`),
  }));
  for (let i = 0; i < 12; i += 1) await appendAudit(store.redis, many);
  expect(await store.redis.xlen(auditKey('command'))).toBeLessThan(10_200);
  expect(await store.redis.xlen(auditKey('admin'))).toBe(1);
});
