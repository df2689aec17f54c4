import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { lastLines, liveChildren } from '../process/child.js';
import { keepRunning } from '../process/keep-running.js';
import { type Server, ServerFailed } from '../process/serving.js';
import { terminal } from '../process/terminal.js';
import { brokerLimits, openFilesLimit } from '../servers/broker-limits.js';
import { startMosquitto } from '../servers/mosquitto.js';
import { startPrometheus } from '../servers/prometheus.js';
import { startRedis } from '../servers/redis.js';
import { launchService, READY_MS, type ServiceName, untilReady } from '../servers/service.js';
import { REPOSITORY } from '../state/repository.js';
import type { Ports } from '../state/settings.js';
import { FLEET, type State } from '../state/state.js';

export interface StackOptions {
  readonly ports: Ports;
  readonly state: State;
  readonly lesson: boolean;
  readonly sim: boolean;
  /** Simulated devices; by default what DEVICES says, or the simulator. */
  readonly devices?: number;
  /** The person's environment: what it says beyond our own variables goes to the services. */
  readonly env: NodeJS.ProcessEnv;
  /** When aborted, nothing more is started. */
  readonly stop: AbortSignal;
}

/** What runs, and what the person must be told once. */
export interface Stack {
  /** The API key, if this start made the first one. */
  readonly firstKey: string | undefined;
  /** Settles with an account of it when a process ends again and again. */
  readonly failed: Promise<string>;
}

/** Longer than any device needs to connect on a busy machine. */
const DEVICE_MS = 20;

/**
 * Starts everything in the order in which each part needs the one before.
 * @throws ServerFailed, BinaryMissing; what was started by then still runs
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { ports, state, stop } = options;
  const folder = (name: string) => join(state.folder, name);
  const simulated = options.sim ? (options.devices ?? (Number(options.env.DEVICES) || 0)) : 0;
  const limits = brokerLimits(simulated, openFilesLimit());
  if (limits.maxConnections < brokerLimits(simulated, Number.MAX_SAFE_INTEGER).maxConnections)
    terminal.printLine(
      `! at most ${limits.maxConnections} devices can connect: this user may open ${limits.openFiles} files in a process (ulimit -n)`,
    );
  const parts = new Map<Server, () => Promise<Server>>();
  /** Starts a part, shows when it is ready, and remembers how to start it again. */
  const startPart = async <S extends Server>(
    name: string,
    launch: () => Promise<S>,
    restart: () => Promise<Server> = launch,
  ) => {
    const server = await progress(name, launch());
    parts.set(server, restart);
    return server;
  };
  const [mosquitto, redis] = await Promise.all([
    startPart('mosquitto', () =>
      startMosquitto({
        folder: folder('mosquitto'),
        port: ports.MQTT_PORT,
        servicesPort: ports.MQTT_SERVICES_PORT,
        accounts: state.accounts,
        lesson: options.lesson,
        limits,
        logFile: state.logFile('mosquitto'),
      }),
    ),
    startPart('redis-server', () =>
      startRedis({
        folder: folder('redis'),
        port: ports.REDIS_PORT,
        password: state.redisPassword,
        logFile: state.logFile('redis-server'),
      }),
    ),
  ]);
  stop.throwIfAborted();
  const firstKey = await createKey(redis.url, ['--first']);
  // At once: should the rest fail, the next start would not show it again.
  if (firstKey !== undefined) terminal.printLine(`✓ API key       ${firstKey}`);
  stop.throwIfAborted();
  const service = (name: ServiceName, port: number, env: NodeJS.ProcessEnv, readyMs = READY_MS) => {
    const launch = async () =>
      launchService({
        name,
        port,
        env: { ...serviceEnv(options.env), ...env },
        logFile: state.logFile(name),
      });
    const ready = async () => {
      const server = await launch();
      const startedAt = Date.now();
      // At first a service waits for its connections like any other; only what lasts is worth reading.
      const showReasons = (reasons: string) =>
        Date.now() - startedAt > SHOW_REASONS_AFTER_MS && terminal.showStatus(`… ${name}: ${reasons}`);
      await untilReady(server, readyMs, showReasons);
      return server;
    };
    // One that is started again waits by itself for what is not there yet.
    return startPart(name, ready, launch);
  };
  await Promise.all([
    startPart('prometheus', () =>
      startPrometheus({
        folder: folder('prometheus'),
        port: ports.PROMETHEUS_PORT,
        jobs: {
          rules: ports.RULES_PORT,
          api: ports.API_PORT,
          ...(options.sim && { 'device-sim': ports.SIM_PORT }),
          prometheus: ports.PROMETHEUS_PORT,
        },
        logFile: state.logFile('prometheus'),
      }),
    ),
    service('rules', ports.RULES_PORT, { MQTT_URL: mosquitto.urlFor('rules'), REDIS_URL: redis.url }),
    service('api', ports.API_PORT, { REDIS_URL: redis.url }),
  ]);
  stop.throwIfAborted();
  if (options.sim) {
    const devices = options.devices === undefined ? {} : { DEVICES: String(options.devices) };
    const env = { MQTT_URL: mosquitto.urlFor(FLEET), FLEET, ...devices };
    // It is ready when every device has connected, which takes a large fleet its time.
    await service('device-sim', ports.SIM_PORT, env, READY_MS + DEVICE_MS * simulated);
  }
  const say = (line: string) => terminal.printLine(line);
  const supervised = [...parts].map(([server, restart]) => keepRunning(server, { restart, log: say, stop }));
  return { firstKey, failed: Promise.race(supervised) };
}

/** For so long nothing is said of what a service waits for, milliseconds. */
const SHOW_REASONS_AFTER_MS = 10_000;

const newest = () => [...liveChildren].at(-1);

/** Stops everything that runs, newest first, each after the one before. */
export async function stopAll(): Promise<void> {
  for (let child = newest(); child !== undefined; child = newest()) {
    terminal.showStatus(`stopping ${child.name}`);
    await child.stop();
  }
}

/** Makes, lists or revokes API keys (see create-key.ts); gives what it printed, undefined for nothing. */
export async function createKey(redisUrl: string, args: readonly string[]): Promise<string | undefined> {
  const script = join(REPOSITORY, 'services/api/dist/create-key.js');
  const env = { ...serviceEnv(process.env), REDIS_URL: redisUrl };
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [script, ...args], { env });
    return stdout.trim() || undefined;
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new ServerFailed(`create-key failed:\n${lastLines(stderr ?? String(error), 10)}`);
  }
}

const startingParts = new Set<string>();

/** Tells when a part is ready, and meanwhile what is not. */
async function progress<S extends Server>(name: string, part: Promise<S>): Promise<S> {
  const started = Date.now();
  const show = () => startingParts.size > 0 && terminal.showStatus(`… ${[...startingParts].join(', ')}`);
  startingParts.add(name);
  show();
  try {
    const server = await part;
    const seconds = ((Date.now() - started) / 1000).toFixed(1);
    terminal.printLine(
      `✓ ${name.padEnd(13)} 127.0.0.1:${String(server.port).padEnd(6)} ${seconds.padStart(5)} s`,
    );
    return server;
  } finally {
    startingParts.delete(name);
    show();
  }
}

/** The person's variables, but none that would lead a service elsewhere. */
function serviceEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { MQTT_URL: _, MQTT_URL_FILE: __, REDIS_URL: ___, REDIS_URL_FILE: ____, ...rest } = env;
  return { ...rest, HOST: '127.0.0.1' };
}
