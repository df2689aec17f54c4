import { setTimeout } from 'node:timers/promises';
import { CannotStart, PORTS, type PortName, type Ports, readSettings } from '../state/settings.js';
import { readRunningInstance } from '../state/state.js';
import { drawFrame } from './frame.js';
import { readFromPrometheus } from './from-prometheus.js';
import { ServicesReader } from './from-services.js';
import type { Numbers } from './numbers.js';

const REFRESH_MS = 1000;
const CLEAR = '\x1b[H\x1b[J';
const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';

/** Shows the numbers of the overview dashboard in the terminal until it is stopped, or once; gives the exit code. */
export async function watch({ once }: { once: boolean }): Promise<number> {
  try {
    const ports = portsOf(process.env);
    const services = new ServicesReader(ports);
    let first = await read(ports, services);
    if (first === undefined) throw new CannotStart(nothingRunningText(ports));
    if (!once) await follow(ports, services, first);
    else {
      if (first.alerts === undefined) {
        // Without Prometheus it takes two looks to make a rate.
        await setTimeout(REFRESH_MS);
        first = (await read(ports, services)) ?? first;
      }
      process.stdout.write(draw(first));
    }
    return 0;
  } catch (error) {
    if (!(error instanceof CannotStart)) throw error;
    console.error(`lamplighter: ${error.message}`);
    return 1;
  }
}

/** The ports of the instance that runs on the state folder, and those that the person sets. */
function portsOf(env: NodeJS.ProcessEnv): Ports {
  const { ports, folder } = readSettings(env);
  const names = Object.keys(PORTS) as PortName[];
  const overridden = names.filter((name) => env[name]?.trim()).map((name) => [name, ports[name]] as const);
  return { ...ports, ...readRunningInstance(folder)?.ports, ...Object.fromEntries(overridden) };
}

async function read(ports: Ports, services: ServicesReader): Promise<Numbers | undefined> {
  return (await readFromPrometheus(ports.PROMETHEUS_PORT)) ?? (await services.read());
}

/** A frame each second; what it shows while nothing answers says so. */
async function follow(ports: Ports, services: ServicesReader, first: Numbers): Promise<void> {
  const { stdout } = process;
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  stdout.on('error', () => stop.abort()); // whoever read us is gone
  if (stdout.isTTY) stdout.write(HIDE_CURSOR);
  let numbers: Numbers | undefined = first;
  while (!stop.signal.aborted) {
    const frame = numbers === undefined ? `${nothingRunningText(ports)}\n` : draw(numbers);
    stdout.write(stdout.isTTY ? CLEAR + frame : `${frame}\n`);
    await setTimeout(REFRESH_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    if (!stop.signal.aborted) numbers = await read(ports, services);
  }
  if (stdout.isTTY) stdout.write(SHOW_CURSOR);
}

function draw(numbers: Numbers): string {
  const { isTTY, columns } = process.stdout;
  const color = isTTY === true && process.env.NO_COLOR === undefined;
  return drawFrame(numbers, { width: columns || 80, color, now: new Date() });
}

function nothingRunningText({ PROMETHEUS_PORT, RULES_PORT, API_PORT }: Ports): string {
  return `nothing answers on 127.0.0.1: no Prometheus of ours on ${PROMETHEUS_PORT}, no rules service on ${RULES_PORT}, no API on ${API_PORT}.
Start it with npm start; for other ports set PROMETHEUS_PORT, RULES_PORT and API_PORT, for another folder LAMPLIGHTER_STATE.`;
}
