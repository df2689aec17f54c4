import { type ChildProcess, spawn } from 'node:child_process';
import { closeLater } from '@lamplighter/test-kit/resources';
import { freePort } from '@lamplighter/test-kit/servers/free-port';
import { until } from '@lamplighter/test-kit/until';

/** A running `npm start` or a similar command. */
export interface Launcher {
  readonly process: ChildProcess;
  /** Its stdout and stderr so far. */
  output(): string;
  /** Settles with the exit code, or the signal that ended it. */
  ended(): Promise<number | NodeJS.Signals>;
}

const PORT_NAMES = [
  'MQTT_PORT',
  'MQTT_TLS_PORT',
  'MQTT_SERVICES_PORT',
  'REDIS_PORT',
  'API_PORT',
  'PROMETHEUS_PORT',
  'RULES_PORT',
  'SIM_PORT',
];

/** Environment variables with a free port for each server. */
export async function freePorts(): Promise<Record<string, string>> {
  const ports = await Promise.all(PORT_NAMES.map(async (name) => [name, String(await freePort())] as const));
  return Object.fromEntries(ports);
}

/** Longer than a graceful stop of all servers takes. */
const STOP_MS = 30_000;

/** Runs a command in a folder with only PATH, HOME and `env` in its environment; stops it at the end of the test. */
export function launch(folder: string, command: string[], env: Record<string, string>): Launcher {
  const [program = '', ...args] = command;
  const { PATH, HOME } = process.env;
  const child = spawn(program, args, {
    cwd: folder,
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk;
    });
  }
  const end = new Promise<number | NodeJS.Signals>((resolve) =>
    child.once('close', (code, signal) => resolve(code ?? signal ?? 0)),
  );
  closeLater('launcher', () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    return end.finally(() => clearTimeout(timer));
  });
  return { process: child, output: () => text, ended: () => end };
}

/** Settles when all servers are up and the launcher has printed its suggestions. */
export async function untilUp(launcher: Launcher): Promise<void> {
  const isUp = () => launcher.output().includes('Three things to try');
  await until(() => isUp() || launcher.process.exitCode !== null, {
    what: 'all servers to be up',
    timeoutMs: 60_000,
  });
  if (!isUp()) throw new Error(`the launcher has ended: ${launcher.output()}`);
}
