import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child process. It never outlives its parent, however that ends. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Where stdout and stderr go. */
  readonly logFile: string;
  /** Resolves when the process has ended. */
  readonly exited: Promise<Exit>;
  /** `stop` was called, so its exit is expected. */
  readonly isStopping: boolean;
  /** Set once the process has ended. */
  readonly exit: Exit | undefined;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after the grace period, 20 s by default. Resolves when the process has ended. */
  stop(graceMs?: number): Promise<Exit>;
  /** Everything written to stdout and stderr so far; empty if the log was removed. */
  output(): string;
}

export interface ChildOptions {
  readonly name: string;
  /** Full path of the program. */
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly cwd?: string;
  /** Limit of open files; default: the limit of this process. */
  readonly openFiles?: number;
  /** The environment of the process; default: PATH and HOME. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * The shell starts a guard that reads from its stdin, a pipe from this process, and then becomes the program. When this process ends, even
 * by SIGKILL, the pipe closes and the guard kills the program. Needs only a POSIX shell.
 */
const LIFELINE = `exec 3<&0
(read -r _ <&3; kill -KILL $$) >/dev/null 2>&1 &
exec "$@" 3<&- </dev/null`;

/** The child processes that have not ended, oldest first. */
export const liveChildren: Set<Child> = new Set();

/** Longer than the 15 s that the services take to drain. */
const GRACE_MS = 20_000;

/** Starts a process that ends with this one. It has its own session, so that Ctrl-C does not reach it and it is stopped in order. */
export function startChild(options: ChildOptions): Child {
  mkdirSync(dirname(options.logFile), { recursive: true });
  const log = openSync(options.logFile, 'a', 0o600);
  const limit = options.openFiles === undefined ? '' : `ulimit -n ${options.openFiles}\n`;
  const child = spawn('/bin/sh', ['-c', limit + LIFELINE, options.name, options.command, ...options.args], {
    stdio: ['pipe', log, log],
    detached: true,
    env: options.env ?? minimalEnvironment(),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  closeSync(log);
  let exit: Exit | undefined;
  let isStopped = false;
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      exit = { code, signal };
      liveChildren.delete(handle);
      resolve(exit);
    });
  });
  exited.catch(() => {});
  child.stdin?.on('error', () => {});

  const kill = (signal: NodeJS.Signals) => {
    if (exit === undefined) child.kill(signal);
  };
  const handle: Child = {
    name: options.name,
    pid: child.pid ?? -1,
    logFile: options.logFile,
    exited,
    get exit() {
      return exit;
    },
    kill,
    get isStopping() {
      return isStopped;
    },
    async stop(graceMs = GRACE_MS) {
      isStopped = true;
      kill('SIGTERM');
      kill('SIGCONT');
      const timer = setTimeout(() => kill('SIGKILL'), graceMs);
      return exited.finally(() => clearTimeout(timer));
    },
    output: () => readLog(options.logFile),
  };
  liveChildren.add(handle);
  return handle;
}

function readLog(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** An environment without the variables that a developer's shell exports. */
export function minimalEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return { PATH, HOME };
}

/** `exited with code 1` or `was killed by SIGKILL`. */
export function describeExit({ code, signal }: Exit): string {
  return signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
}

/** The last lines of a text, indented. */
export function lastLines(text: string, count: number): string {
  const lines = text.trimEnd().split('\n').slice(-count);
  return lines.map((line) => `  ${line}`).join('\n');
}
