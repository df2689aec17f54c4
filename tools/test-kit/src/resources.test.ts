import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '@lamplighter/native/state/repository';
import { temporaryFolder } from './folder.js';
import { closeLater } from './resources.js';

const closed: string[] = [];

describe('what a test opens', () => {
  it('stays open during the test', () => {
    closeLater('first', () => closed.push('first'));
    closeLater('second', () => closed.push('second'));
    expect(closed).toEqual([]);
  });

  it('was closed at its end, newest first', () => {
    expect(closed).toEqual(['second', 'first']);
  });
});

describe('a leak', () => {
  // Jest in Jest: a test file that leaks, and what Jest says of it.
  function runLeaking(body: string): string {
    const folder = temporaryFolder();
    const kit = join(REPOSITORY, 'tools/test-kit/dist/resources.js');
    writeFileSync(
      join(folder, 'leak.test.mjs'),
      `import { closeLater } from '${kit}';\nimport { createServer } from 'node:net';\n${body}`,
    );
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const { stderr } = spawnSync(
      process.execPath,
      [
        '--experimental-vm-modules',
        '--no-warnings',
        join(REPOSITORY, 'node_modules/jest/bin/jest.js'),
        '--forceExit',
      ],
      { cwd: folder, input: '{}', encoding: 'utf8', env: { ...process.env, CI: 'true' }, timeout: 60_000 },
    );
    return stderr;
  }
  const config = `it('x', async () => {`;

  it('fails the file', () => {
    const output = runLeaking(
      `${config} await new Promise((done) => createServer().listen(0, '127.0.0.1', done)); });`,
    );
    expect(output).toContain('this test file left open: TCPServerWrap');
  }, 60_000);

  it('fails the test if it is something that cannot be closed', () => {
    const said = runLeaking(`${config} closeLater('lamp', () => { throw new Error('stuck'); }); });`);
    expect(said).toContain('could not be closed:\n      lamp: stuck');
  }, 60_000);
});
