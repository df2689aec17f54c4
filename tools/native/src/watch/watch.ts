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

/** Shows the numbers of the overview dashboard in the terminal, once or until it is stopped. Returns the exit code. */
export async function watch({ once }: { once: boolean }): Promise<number> {
  try {
    const ports = portsOf(process.env);
    const services = new ServicesReader(ports);
    let first = await read(ports, services);
    if (first === undefined) throw new CannotStart(nothingRunningText(ports));
    if (!once) await follow(ports, services, first);
    else {
      if (first.alerts === undefined) {
        // Without Prometheus, a rate needs two scrapes.
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

/** The ports of the running instance; those set in the environment take precedence. */
function portsOf(env: NodeJS.ProcessEnv): Ports {
  const { ports, folder } = readSettings(env);
  const names = Object.keys(PORTS) as PortName[];
  const overridden = names.filter((name) => env[name]?.trim()).map((name) => [name, ports[name]] as const);
  return { ...ports, ...readRunningInstance(folder)?.ports, ...Object.fromEntries(overridden) };
}

async function read(ports: Ports, services: ServicesReader): Promise<Numbers | undefined> {
  return (await readFromPrometheus(ports.PROMETHEUS_PORT)) ?? (await services.read());
}

/** Shows a frame each second, or a message while no service responds. */
async function follow(ports: Ports, services: ServicesReader, first: Numbers): Promise<void> {
  const { stdout } = process;
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  stdout.on('error', () => stop.abort()); // the reader of the pipe has ended
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
  return `cannot reach Prometheus on port ${PROMETHEUS_PORT}, rules on ${RULES_PORT} or the API on ${API_PORT} of 127.0.0.1.
Start an instance with npm start. For other ports set PROMETHEUS_PORT, RULES_PORT and API_PORT; for another state folder, LAMPLIGHTER_STATE.`;
}
