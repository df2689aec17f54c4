import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mayReadMetrics } from './metrics-access.js';

it('allows every request if no token is set', () => {
  expect(mayReadMetrics(undefined, {})).toBe(true);
});

it('allows only requests with the token', () => {
  const env = { METRICS_TOKEN: 'k7Qp2ZxW9rTb4LsVd' };
  expect(mayReadMetrics('Bearer k7Qp2ZxW9rTb4LsVd', env)).toBe(true);
  for (const wrong of [undefined, '', 'Bearer', 'Bearer ', 'Bearer k7Qp2ZxW9rTb4LsV', 'k7Qp2ZxW9rTb4LsVd'])
    expect(mayReadMetrics(wrong, env)).toBe(false);
});

it('uses the current content of the file, and allows no request while it is missing or empty', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lamplighter-token-'));
  const file = join(folder, 'token');
  const env = { METRICS_TOKEN_FILE: file };
  expect(mayReadMetrics('Bearer ', env)).toBe(false);
  writeFileSync(file, '\n');
  expect(mayReadMetrics('Bearer ', env)).toBe(false);
  writeFileSync(file, 'first-k7Qp2ZxW9rTb\n');
  expect(mayReadMetrics('Bearer first-k7Qp2ZxW9rTb', env)).toBe(true);
  writeFileSync(file, 'second-k7Qp2ZxW9rTb\n');
  expect(mayReadMetrics('Bearer first-k7Qp2ZxW9rTb', env)).toBe(false);
  expect(mayReadMetrics('Bearer second-k7Qp2ZxW9rTb', env)).toBe(true);
  rmSync(folder, { recursive: true });
});
