import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSecret, passwordFile, secretIn } from './secrets.js';

const folder = mkdtempSync(join(tmpdir(), 'lamplighter-secrets-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('generates secrets that are long, unique and safe in URLs and shells', () => {
  const secrets = new Set(Array.from({ length: 100 }, generateSecret));
  expect(secrets.size).toBe(100);
  for (const secret of secrets) expect(secret).toMatch(/^[A-Za-z0-9_-]{32}$/);
});

it('keeps a secret in a file that only its owner can read', () => {
  const file = join(folder, 'deep', 'secret');
  const secret = secretIn(file);
  expect(secretIn(file)).toBe(secret);
  expect(readFileSync(file, 'utf8')).toBe(`${secret}\n`);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'deep')).mode & 0o777).toBe(0o700);
});

it('writes hashes, not passwords, to the password file', () => {
  const text = passwordFile({ rules: 'open sesame', demo: 'x' });
  expect(text).toMatch(/^rules:\$7\$101\$[\w+/]{16}\$[\w+/]{86}==\ndemo:\$7\$/);
  expect(text).not.toContain('sesame');
});
