import { setTimeout } from 'node:timers/promises';
import { liveChildren } from '../process/child.js';
import { ServerFailed } from '../process/serving.js';
import { listenForStop } from '../process/stop-signal.js';
import { terminal } from '../process/terminal.js';
import { BinaryMissing } from '../servers/binaries.js';
import type { NetworkListener } from '../servers/broker-configuration.js';
import { installMissing, SERVERS } from '../servers/install.js';
import { lanAddress } from '../servers/lan-address.js';
import { requireFreePorts } from '../servers/ports.js';
import { CannotStart, type Ports, readSettings } from '../state/settings.js';
import { boundLog, lockState, openState, type State } from '../state/state.js';
import { certificatesFolder, renewBrokerCertificate } from './certificates.js';
import { guide } from './guide.js';
import { startStack, stopAll } from './stack.js';
import { readCounts, summarize } from './summary.js';

/** The flags of `npm start`, read by scripts/flags.mjs. */
export interface StartFlags {
  readonly devices?: number;
  readonly sim: boolean;
  readonly lesson: boolean;
  /** The address on which devices on the network are admitted, or empty if the only one is meant; absent: on none. */
  readonly lan?: string;
  readonly clientCertificates: boolean;
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
    const address = flags.lan === undefined ? undefined : lanAddress(flags.lan);
    const { SIM_PORT, MQTT_TLS_PORT, ...others } = settings.ports;
    await requireFreePorts(
      { ...others, ...(flags.sim && { SIM_PORT }), ...(address !== undefined && { MQTT_TLS_PORT }) },
      address === undefined ? {} : { MQTT_TLS_PORT: address },
    );
    installMissing(SERVERS, (line) => terminal.printLine(line));
    const state = openState(settings.folder, settings.ports, flags.reset);
    const { ports } = settings;
    const network = address === undefined ? undefined : await networkListener(state, ports, address, flags);
    const running = AbortSignal.any([stop, over.signal]);
    const starting = startStack({ ...flags, ports, state, network, env: process.env, stop: running });
    const stack = await Promise.race([starting, aborted(stop)]);
    terminal.printLine(guide({ ...flags, ...stack, ports, state, network, from: settings.from }));
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

/** The TLS listener, with certificates that name the address. */
async function networkListener(
  state: State,
  ports: Ports,
  address: string,
  { clientCertificates }: StartFlags,
): Promise<NetworkListener> {
  const certificates = certificatesFolder(state.folder);
  await renewBrokerCertificate(certificates, address);
  return { address, port: ports.MQTT_TLS_PORT, certificates, clientCertificates };
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
