import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild } from './child.js';
import { keepRunning } from './keep-running.js';
import { type Server, ServerFailed } from './serving.js';

const folder = mkdtempSync(join(tmpdir(), 'lamplighter-keep-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (script: string): Server =>
  Object.assign(
    startChild({ name: 'part', command: '/bin/sh', args: ['-c', script], logFile: join(folder, 'part.log') }),
    { port: 1, url: 'http://127.0.0.1:1' },
  );

function underTest(restart: () => Promise<Server>) {
  const lines: string[] = [];
  const stop = new AbortController();
  const keep = (first: Server) =>
    keepRunning(first, { restart, log: (line) => lines.push(line), stop: stop.signal, firstPauseMs: 1 });
  return { lines, stop, keep };
}

describe('keepRunning', () => {
  it('restarts a process with growing delays, then gives it up with the last lines of its log', async () => {
    const { lines, keep } = underTest(async () => run('echo oops; exit 3'));
    expect(await keep(run('exit 3'))).toMatch(
      /^part exited with code 3, 5 times in a row; stopping all processes[.] Last lines of .*part[.]log:\n( {2}oops\n?){4}$/,
    );
    expect(lines.filter((line) => line.startsWith('!'))).toEqual(
      [1, 2, 4, 8].map((ms) => `! part exited with code 3; restarting in ${ms / 1000} s`),
    );
  });

  it('gives up a process that cannot be started', async () => {
    const { lines, keep } = underTest(async () => {
      throw new ServerFailed('no');
    });
    expect(await keep(run('kill -KILL $$'))).toContain('part failed to restart, 5 times in a row');
    expect(lines[0]).toBe('! part was killed by SIGKILL; restarting in 0.001 s');
  });

  it('does not restart a process that was stopped, nor any after the abort', async () => {
    let restarts = 0;
    const { lines, stop, keep } = underTest(async () => {
      restarts += 1;
      return run('exec sleep 60');
    });
    const [stopped, ended] = [run('exec sleep 60'), run('exec sleep 60')];
    let isOver = false;
    for (const part of [stopped, ended]) void keep(part).then(() => (isOver = true));
    await stopped.stop();
    stop.abort();
    ended.kill('SIGKILL');
    await ended.exited;
    await new Promise((resolve) => setImmediate(resolve));
    expect([isOver, restarts, lines]).toEqual([false, 0, []]);
  });
});
