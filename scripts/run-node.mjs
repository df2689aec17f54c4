// Runs Node as a child process that takes over the terminal and the exit code of this one.
import { spawn } from 'node:child_process';
import { REPOSITORY } from './prepare.mjs';

/** Runs Node in the repository, forwards signals to it, and exits with its exit code. @param {readonly string[]} args */
export function runNode(args) {
  const child = spawn(process.execPath, args, { stdio: 'inherit', cwd: REPOSITORY });
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP']))
    process.on(signal, () => child.kill(signal));
  // Ctrl-C reaches the child anyway; this process waits until the child has stopped.
  process.on('SIGINT', () => {});
  child.once('close', (code) => {
    process.exitCode = code ?? 1;
  });
}
