import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { lastLines, liveChildren } from '../process/child.js';
import { keepRunning } from '../process/keep-running.js';
import { type Server, ServerFailed } from '../process/serving.js';
import { terminal } from '../process/terminal.js';
import type { NetworkListener } from '../servers/broker-configuration.js';
import { brokerLimits, openFilesLimit } from '../servers/broker-limits.js';
import { deviceAccountsFile, startMosquitto } from '../servers/mosquitto.js';
import { startPrometheus } from '../servers/prometheus.js';
import { startRedis } from '../servers/redis.js';
import { launchService, READY_MS, type ServiceName, untilReady } from '../servers/service.js';
import { REPOSITORY } from '../state/repository.js';
import { writePrivate } from '../state/secrets.js';
import type { Ports } from '../state/settings.js';
import { FLEET, type State } from '../state/state.js';

export interface StackOptions {
  readonly ports: Ports;
  readonly state: State;
  readonly lesson: boolean;
  /** Where devices on the network are admitted; undefined: nowhere. */
  readonly network?: NetworkListener | undefined;
  readonly sim: boolean;
  /** Simulated devices; default: DEVICES, or the default of the simulator. */
  readonly devices?: number;
  /** The user's environment. Variables of the services are passed on. */
  readonly env: NodeJS.ProcessEnv;
  /** When aborted, no more processes are started. */
  readonly stop: AbortSignal;
}

/** A running stack. */
export interface Stack {
  /** The first API key, if this start created it. */
  readonly firstKey: string | undefined;
  /** The API key of the console's sign-in link; the next start replaces it. */
  readonly consoleKey: string | undefined;
  /** Resolves with a description when a process keeps failing. */
  readonly failed: Promise<string>;
}

/** More than a device takes to connect on a busy machine. */
const DEVICE_MS = 20;

/**
 * Starts all processes in the order of their dependencies.
 * @throws ServerFailed, BinaryMissing; processes that have started keep running
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { ports, state, stop } = options;
  const folder = (name: string) => join(state.folder, name);
  const simulated = options.sim ? (options.devices ?? (Number(options.env.DEVICES) || 0)) : 0;
  const limits = brokerLimits(simulated, openFilesLimit());
  if (limits.maxConnections < brokerLimits(simulated, Number.MAX_SAFE_INTEGER).maxConnections)
    terminal.printLine(
      `! at most ${limits.maxConnections} devices can connect: a process may open ${limits.openFiles} files (ulimit -n)`,
    );
  const parts = new Map<Server, () => Promise<Server>>();
  /** Starts a process, reports when it is ready, and registers how to restart it. */
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
        network: options.network,
        lesson: options.lesson,
        limits,
        logFile: state.logFile('mosquitto'),
      }),
    ),
    startPart('redis-server', () =>
      startRedis({
        folder: folder('redis'),
        port: ports.REDIS_PORT,
        accounts: state.redisAccounts,
        logFile: state.logFile('redis-server'),
      }),
    ),
  ]);
  stop.throwIfAborted();
  const firstKey = await createKey(redis.urlFor('api'), ['--first']);
  // Printed immediately: if a later step fails, the next start does not show it again.
  if (firstKey !== undefined) terminal.printLine(`✓ API key       ${firstKey}`);
  stop.throwIfAborted();
  // In files, because every process of the user can read the environment.
  const urlFile = (name: string, url: string) => {
    const file = state.secretFile(`url-${name}`);
    writePrivate(file, `${url}\n`);
    return file;
  };
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
      // Every service waits briefly for its connections; only lasting reasons are shown.
      const showReasons = (reasons: string) =>
        Date.now() - startedAt > SHOW_REASONS_AFTER_MS && terminal.showStatus(`… ${name}: ${reasons}`);
      await untilReady(server, readyMs, showReasons);
      return server;
    };
    // A restarted service waits for its dependencies itself.
    return startPart(name, ready, launch);
  };
  const [consoleKey] = await Promise.all([
    createKey(redis.urlFor('api'), ['--console']),
    startPart('prometheus', () =>
      startPrometheus({
        folder: folder('prometheus'),
        port: ports.PROMETHEUS_PORT,
        tokenFile: options.env.METRICS_TOKEN_FILE && resolve(options.env.METRICS_TOKEN_FILE),
        jobs: {
          rules: ports.RULES_PORT,
          api: ports.API_PORT,
          ...(options.sim && { 'device-sim': ports.SIM_PORT }),
          prometheus: ports.PROMETHEUS_PORT,
        },
        logFile: state.logFile('prometheus'),
      }),
    ),
    service('rules', ports.RULES_PORT, {
      MQTT_URL_FILE: urlFile('mqtt', mosquitto.urlFor('rules')),
      REDIS_URL_FILE: urlFile('redis-rules', redis.urlFor('rules')),
    }),
    service('api', ports.API_PORT, {
      REDIS_URL_FILE: urlFile('redis-api', redis.urlFor('api')),
      DEVICE_ACCOUNTS_FILE: deviceAccountsFile(folder('mosquitto')),
      PROMETHEUS_URL: `http://127.0.0.1:${ports.PROMETHEUS_PORT}`,
    }),
  ]);
  stop.throwIfAborted();
  if (options.sim) {
    const devices = options.devices === undefined ? {} : { DEVICES: String(options.devices) };
    const env = { MQTT_URL_FILE: urlFile('mqtt-demo', mosquitto.urlFor(FLEET)), FLEET, ...devices };
    // It is ready when every device has connected, which takes time in a large fleet.
    await service('device-sim', ports.SIM_PORT, env, READY_MS + DEVICE_MS * simulated);
  }
  const log = (line: string) => terminal.printLine(line);
  const supervised = [...parts].map(([server, restart]) => keepRunning(server, { restart, log, stop }));
  return { firstKey, consoleKey, failed: Promise.race(supervised) };
}

/** After this time, milliseconds, the status shows why a service is not ready. */
const SHOW_REASONS_AFTER_MS = 10_000;

const newest = () => [...liveChildren].at(-1);

/** Stops all processes one after another, newest first. */
export async function stopAll(): Promise<void> {
  for (let child = newest(); child !== undefined; child = newest()) {
    terminal.showStatus(`stopping ${child.name}`);
    await child.stop();
  }
}

/** Creates, lists or revokes API keys (see create-key.ts). Returns its output; undefined if empty. */
export async function createKey(redisUrl: string, args: readonly string[]): Promise<string | undefined> {
  const script = join(REPOSITORY, 'services/api/dist/create-key.js');
  const folder = mkdtempSync(join(tmpdir(), 'lamplighter-'));
  const file = join(folder, 'url');
  writePrivate(file, redisUrl);
  const env = { ...serviceEnv(process.env), REDIS_URL_FILE: file };
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [script, ...args], { env });
    return stdout.trim() || undefined;
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new ServerFailed(`create-key failed:\n${lastLines(stderr ?? String(error), 10)}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const startingParts = new Set<string>();

/** Shows the processes that are starting, and a line when this one is ready. */
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

/** The user's variables, except those that would connect a service to another broker or Redis. */
function serviceEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { MQTT_URL: _, MQTT_URL_FILE: __, REDIS_URL: ___, REDIS_URL_FILE: ____, ...rest } = env;
  return { ...rest, HOST: '127.0.0.1' };
}
