import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REPOSITORY } from '../state/repository.js';
import { type Child, describeExit, lastLines, startChild } from './child.js';

const folder = mkdtempSync(join(tmpdir(), 'lamplighter-child-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (script: string, name = 'child'): Child =>
  startChild({ name, command: '/bin/sh', args: ['-c', script], logFile: join(folder, `${name}.log`) });

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function eventually(condition: () => boolean, timeoutMs = 20_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('the condition did not hold in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('a child process', () => {
  it('is the program itself; its output goes to the log file and its exit is reported', async () => {
    const child = run('echo "pid $$"; echo oops >&2; exit 3', 'output');
    expect(describeExit(await child.exited)).toBe('exited with code 3');
    expect(child.output()).toBe(`pid ${child.pid}\noops\n`);
    rmSync(child.logFile);
    expect(child.output()).toBe('');
  });

  it('gets only the given environment, and no input', async () => {
    process.env.LAMPLIGHTER_LEAK = 'x';
    const child = run('cat; env', 'bare');
    await child.exited;
    expect(child.output()).not.toContain('LAMPLIGHTER_LEAK');
    delete process.env.LAMPLIGHTER_LEAK;
  });

  it('gets SIGTERM, then SIGKILL if it does not stop', async () => {
    const cooperative = run('exec sleep 60', 'cooperative');
    expect((await cooperative.stop()).signal).toBe('SIGTERM');
    const stubborn = run('trap "" TERM; echo up; while :; do sleep 0.05; done', 'stubborn');
    await eventually(() => stubborn.output().includes('up'));
    expect((await stubborn.stop(100)).signal).toBe('SIGKILL');
  });

  it('stops even when it is frozen', async () => {
    const frozen = run('exec sleep 60', 'frozen');
    frozen.kill('SIGSTOP');
    expect((await frozen.stop()).signal).toBe('SIGTERM');
  });

  it.each(['SIGKILL', 'SIGTERM', 'exit'] as const)(
    'does not outlive a parent that ends by %s',
    async (end) => {
      const childModule = join(REPOSITORY, 'tools/native/dist/process/child.js');
      const script = `
      import { startChild } from ${JSON.stringify(childModule)};
      const child = startChild({ name: 'orphan', command: '/bin/sleep', args: ['60'], logFile: ${JSON.stringify(join(folder, 'orphan.log'))} });
      console.log(child.pid);
      ${end === 'exit' ? 'process.exit(0)' : 'setInterval(() => {}, 1000)'};`;
      const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let text = '';
      parent.stdout.on('data', (chunk) => {
        text += chunk;
      });
      await eventually(() => text.includes('\n'));
      const orphan = Number(text);
      if (end !== 'exit') parent.kill(end);
      await eventually(() => !isAlive(orphan));
    },
  );
});

it('shows the last lines of a log, indented', () => {
  expect(lastLines('a\nb\nc\n', 2)).toBe('  b\n  c');
});
