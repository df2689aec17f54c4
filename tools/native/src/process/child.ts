import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of ours. It never outlives us, however we die. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Where stdout and stderr go. */
  readonly logFile: string;
  /** Settles when the process has ended. */
  readonly exited: Promise<Exit>;
  /** It was asked to stop, so its exit is expected. */
  readonly isStopped: boolean;
  /** Set once the process has ended. */
  readonly exit: Exit | undefined;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after the grace time, 20 s by default; settles when the process has ended. */
  stop(graceMs?: number): Promise<Exit>;
  /** Everything written to stdout and stderr so far; nothing if somebody has removed the log. */
  output(): string;
}

export interface ChildOptions {
  readonly name: string;
  /** Full path of the program. */
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly cwd?: string;
  /** Files that it may open at most; by default as many as we. */
  readonly openFiles?: number;
  /** The whole environment of the process; by default PATH and HOME only. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * The shell becomes the program and leaves a guard behind that reads from our end of its stdin. The pipe closes when we
 * die, SIGKILL included, and the guard kills the program. Needs nothing but a POSIX shell.
 */
const LIFELINE = `exec 3<&0
(read -r _ <&3; kill -KILL $$) >/dev/null 2>&1 &
exec "$@" 3<&- </dev/null`;

/** Every process of ours that has not ended yet, oldest first. */
export const liveChildren: Set<Child> = new Set();

/** Longer than the services give themselves to drain, 15 s. */
const GRACE_MS = 20_000;

/** Starts a process that dies with us. It has a session of its own, so that Ctrl-C reaches only us and we stop it in order. */
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
    get isStopped() {
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

/** What a process needs from ours: nothing that a developer's shell happens to export. */
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
