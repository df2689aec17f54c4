import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installMissing, type Requirement } from './install.js';

const { PATH } = process.env;
const getuid = process.getuid;
let folder: string;
let logged: string[];
const log = (line: string) => logged.push(line);
const lantern: Requirement = { binary: 'test-lantern', why: 'light', apt: 'test-lantern', brew: 'lantern' };

/** Creates a program that comes first on the PATH. */
function fake(name: string, script: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\necho "${name} $*" >>${folder}/calls\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}
const calls = () => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
const install = `printf '#!/bin/sh\\necho lantern 1.5' >${'$'}{0%/*}/test-lantern; chmod 755 ${'$'}{0%/*}/test-lantern`;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lamplighter-install-'));
  logged = [];
  process.env.PATH = `${folder}:${PATH}`;
  process.getuid = () => 0;
  // Tests must not forbid or disable daemons on this machine.
  fake('sh', 'exit 0');
  fake('rm', 'exit 0');
  fake('systemctl', 'exit 0');
});
afterEach(() => {
  process.env.PATH = PATH;
  process.getuid = getuid;
  rmSync(folder, { recursive: true, force: true });
});

it('does nothing when nothing is missing', () => {
  installMissing([{ binary: 'sh', why: 'everything', apt: 'dash' }], log);
  expect(logged).toEqual([]);
});

it('installs Debian packages, and updates the package list if that fails', () => {
  fake(
    'apt-get',
    `case "$1" in update) touch ${folder}/listed;; install) [ -e ${folder}/listed ] || exit 100; ${install};; esac`,
  );
  installMissing([lantern], log);
  expect(logged[0]).toBe('… missing: test-lantern (light); installing');
  const wanted = 'apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 test-lantern';
  expect(calls().filter((call) => call.startsWith('apt-get'))).toEqual([wanted, 'apt-get update', wanted]);
});

it('includes the output of the package manager in the error', () => {
  fake('apt-get', 'echo "E: no space left"; exit 100');
  expect(() => installMissing([lantern], log)).toThrow(/test-lantern failed:\n {2}E: no space left/);
});

it('shows the command to run if this user cannot install packages', () => {
  process.getuid = () => 1000;
  fake('apt-get', 'exit 0');
  fake('sudo', 'exit 1');
  expect(() => installMissing([lantern], log)).toThrow(
    /sudo apt-get install -y --no-install-recommends test-lantern$/,
  );
  expect(calls()).toEqual(['sudo -n true']);
});

it('uses sudo if it needs no password', () => {
  process.getuid = () => 1000;
  fake('apt-get', install);
  fake('sudo', 'shift; exec "$@"');
  installMissing([lantern], log);
  expect(calls().some((call) => call.startsWith('apt-get install'))).toBe(true);
});

it('rejects a version that is too old', () => {
  fake('test-lantern', 'echo "lantern version 1.5.3"');
  const needs = (atLeast: string) => [{ ...lantern, version: { args: [], atLeast } }];
  installMissing(needs('1.5'), log);
  expect(() => installMissing(needs('1.10'), log)).toThrow(
    'test-lantern 1.5.3 is too old; install 1.10 or newer',
  );
});
