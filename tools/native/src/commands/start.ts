import { setTimeout } from 'node:timers/promises';
import { liveChildren } from '../process/child.js';
import { ServerFailed } from '../process/serving.js';
import { listenForStop } from '../process/stop-signal.js';
import { terminal } from '../process/terminal.js';
import { BinaryMissing } from '../servers/binaries.js';
import { installMissing, SERVERS } from '../servers/install.js';
import { requireFreePorts } from '../servers/ports.js';
import { CannotStart, type Ports, readSettings } from '../state/settings.js';
import { boundLog, lockState, openState } from '../state/state.js';
import { guide } from './guide.js';
import { startStack, stopAll } from './stack.js';
import { readCounts, summarize } from './summary.js';

/** The flags of `npm start`, read by scripts/flags.mjs. */
export interface StartFlags {
  readonly devices?: number;
  readonly sim: boolean;
  readonly lesson: boolean;
  readonly reset: boolean;
}

/** Runs an instance until it is stopped. Returns the exit code. Every expected failure is one message. */
export async function start(flags: StartFlags): Promise<number> {
  const stop = listenForStop(process.env);
  const over = new AbortController();
  let unlock = () => {};
  try {
    const settings = readSettings(process.env);
    unlock = lockState(settings.folder);
    const { SIM_PORT: _, ...withoutSim } = settings.ports;
    await requireFreePorts(flags.sim ? settings.ports : withoutSim);
    installMissing(SERVERS, (line) => terminal.printLine(line));
    const state = openState(settings.folder, settings.ports, flags.reset);
    const { ports } = settings;
    const running = AbortSignal.any([stop, over.signal]);
    const starting = startStack({ ...flags, ports, state, env: process.env, stop: running });
    const stack = await Promise.race([starting, aborted(stop)]);
    terminal.printLine(guide({ ...flags, ...stack, ports, state, from: settings.from }));
    const failure = await Promise.race([stack.failed, aborted(stop), follow(ports, running)]);
    throw new ServerFailed(failure);
  } catch (error) {
    over.abort();
    if (!stop.aborted && !isExpected(error)) throw error;
    await stopAll();
    terminal.showStatus('');
    if (!stop.aborted) console.error(`lamplighter: ${(error as Error).message}`);
    else terminal.printLine('stopped');
    return stop.aborted ? 0 : 1;
  } finally {
    over.abort();
    await stopAll();
    unlock();
  }
}

/** Whether the message is enough for the user. Errors of the file system name the file. */
function isExpected(error: unknown): boolean {
  const expected = [CannotStart, ServerFailed, BinaryMissing];
  return (
    expected.some((type) => error instanceof type) || (error as NodeJS.ErrnoException).syscall !== undefined
  );
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = () => reject(new Error('stop requested'));
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}

const TERMINAL_MS = 2000;
const LINES_MS = 10_000;

/** Shows the status line and limits the size of the logs, until it is aborted. */
async function follow(ports: Ports, until: AbortSignal): Promise<never> {
  let before = await readCounts(ports);
  for (;;) {
    await setTimeout(terminal.isTTY ? TERMINAL_MS : LINES_MS, undefined, { signal: until });
    for (const child of liveChildren) boundLog(child.logFile);
    const now = await readCounts(ports);
    const line = summarize(before, now);
    if (terminal.isTTY) terminal.showStatus(line);
    else terminal.printLine(line);
    before = now ?? before;
  }
}
