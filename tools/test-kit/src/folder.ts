import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeLater } from './resources.js';

/** An empty folder, removed at the end of the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lamplighter-test-'));
  closeLater(folder, () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}
