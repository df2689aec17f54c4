import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findBinary } from '@lamplighter/native/binaries';
import { judge } from '@lamplighter/prove/oracle/judge';
import { Random } from '@lamplighter/prove/run/random';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { closeLater } from '@lamplighter/test-kit/resources';
import { until } from '@lamplighter/test-kit/until';
import { QUIET_MS, setScene } from './scene.js';

const HOUR_MS = 3_600_000;
const clock = steppedClock();
if (clock === undefined) process.stderr.write('    F18 is left out: it needs a C compiler and Linux\n');

// Covered: the wall clocks of broker, Redis, rules and API, as gettimeofday and clock_gettime tell them. Not covered: the
// system's own, which other programs of this machine share.
(clock ? it : it.skip)(
  'F18: the clock of all servers steps back by an hour: nothing expires by it, what was on its way goes on, and ids stay unique',
  async () => {
    if (clock === undefined) return;
    const scene = await setScene({ rulesEnv: clock.env, apiEnv: clock.env });
    const { books, say } = scene;
    const stopAsking = books.keepAsking(10, new Random(18));
    await until(() => books.counts().executed > 50, { what: 'load', timeoutMs: 30_000 });
    clock.step(-HOUR_MS);
    say('it is an hour earlier');
    const { executed } = books.counts();
    await until(() => books.counts().executed > executed + 50, { what: 'life', timeoutMs: 60_000 });
    stopAsking();
    const verdict = judge(await books.close({ quietMs: QUIET_MS }));
    expect(verdict.violations).toEqual([]);
  },
  300_000,
);

/** A wall clock that the servers which are started from now on share, and that may be set; undefined without a compiler. */
function steppedClock() {
  const folder = temporaryFolder();
  const library = join(folder, 'stepped-clock.so');
  const source = fileURLToPath(new URL('./stepped-clock.c', import.meta.url));
  const built = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source], { stdio: 'inherit' });
  if (built.status !== 0) return undefined;
  const file = join(folder, 'clock');
  const step = (ms: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(ms));
    writeFileSync(file, bytes, { flag: 'r+' });
  };
  writeFileSync(file, Buffer.alloc(8));
  const env = { LD_PRELOAD: library, CLOCK_FILE: file };
  wrap(join(folder, 'bin'), ['redis-server', 'mosquitto'], env);
  return { env, step };
}

/** Puts programs of the same names before the real ones that run those with these variables. */
function wrap(folder: string, programs: string[], env: Record<string, string>): void {
  mkdirSync(folder);
  const variables = Object.entries(env).map(([name, value]) => `${name}='${value}'`);
  for (const program of programs) {
    const wrapper = join(folder, program);
    writeFileSync(wrapper, `#!/bin/sh\n${variables.join(' ')} exec ${findBinary(program)} "$@"\n`);
    chmodSync(wrapper, 0o755);
  }
  const { PATH } = process.env;
  process.env.PATH = `${folder}:${PATH}`;
  closeLater('PATH', () => {
    process.env.PATH = PATH;
  });
}
