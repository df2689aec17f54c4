import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '@lamplighter/native/state/repository';
import { temporaryFolder } from './folder.js';
import { closeLater } from './resources.js';

const closed: string[] = [];

describe('closeLater', () => {
  it('closes nothing during the test', () => {
    closeLater('first', () => closed.push('first'));
    closeLater('second', () => closed.push('second'));
    expect(closed).toEqual([]);
  });

  it('closes resources at the end of the test, newest first', () => {
    expect(closed).toEqual(['second', 'first']);
  });
});

describe('leak detection', () => {
  // Runs a leaking test file in another Jest and returns its output.
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

  it('fails a file that leaves a socket open', () => {
    const output = runLeaking(
      `${config} await new Promise((done) => createServer().listen(0, '127.0.0.1', done)); });`,
    );
    expect(output).toContain('this test file left open: TCPServerWrap');
  }, 60_000);

  it('fails a test whose resource cannot be closed', () => {
    const output = runLeaking(`${config} closeLater('lamp', () => { throw new Error('stuck'); }); });`);
    expect(output).toContain('could not close:\n      lamp: stuck');
  }, 60_000);
});
