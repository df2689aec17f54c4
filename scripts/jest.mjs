// Starts Jest in ESM mode, with the arguments given.
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const args = process.argv.slice(2);
// Jest takes every word behind --selectProjects for the name of a project; here one name follows, then paths.
const at = args.indexOf('--selectProjects');
const project = at < 0 ? [] : args.splice(at, 2);

const repository = resolve(fileURLToPath(import.meta.url), '../..');
const child = spawn(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--no-warnings',
    join(repository, 'node_modules/jest/bin/jest.js'),
    ...args,
    ...project,
  ],
  { stdio: 'inherit', cwd: repository },
);
// Jest stops its workers, and they their servers, so a signal to this process is passed on to Jest.
for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP']))
  process.on(signal, () => child.kill(signal));
process.on('SIGINT', () => {});
child.once('close', (code) => {
  process.exitCode = code ?? 1;
});
