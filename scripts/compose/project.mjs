// Runs docker-compose.yml under its own project name and on free host ports, so that it does not interfere with other instances.
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const REPOSITORY = resolve(fileURLToPath(import.meta.url), '../../..');
/** Optional script that starts an engine and provides images on a machine without a container registry. */
const PREPARE = resolve(REPOSITORY, '../shared/compose/prepare');
/** Variables that change the compose project; the test uses the defaults. */
const VARIABLES = [
  'DEVICES',
  'SEED',
  'DAY_SECONDS',
  'FLEETS',
  'LOG_LEVEL',
  'COMPOSE_FILE',
  'COMPOSE_PROFILES',
];

/**
 * Runs a program in the repository; resolves with its stdout.
 * @param {string} program @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, timeoutMs?: number }} [options]
 * @returns {Promise<string>} @throws with the end of its output
 */
function run(program, args, { env = process.env, timeoutMs = 60_000 } = {}) {
  return new Promise((resolve, reject) => {
    const options = { cwd: REPOSITORY, env, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const why = error.killed ? `did not finish within ${timeoutMs / 1000} s` : 'failed';
      reject(new Error(`${program} ${args.join(' ')} ${why}\n${lastLines(`${stdout}${stderr}`, 25)}`));
    });
    child.stdin?.end();
  });
}

/**
 * Checks that an engine with Compose responds.
 * @returns {Promise<string[]>} images that are not available on this machine
 * @throws with instructions if there is no engine
 */
export async function prepareEngine() {
  if (existsSync(PREPARE)) {
    const output = await run(PREPARE, [resolve(REPOSITORY, 'docker-compose.yml')], { timeoutMs: 480_000 });
    return [...output.matchAll(/^no stand-in: (.+)$/gm)].map(([, image]) => /** @type {string} */ (image));
  }
  await run('docker', ['compose', 'version']).catch(() => {
    throw new Error('requires Docker with Compose v2; see https://docs.docker.com/engine/install/');
  });
  await run('docker', ['info']).catch(() => {
    throw new Error(
      'cannot reach a Docker engine; start it and check that this user has access (docker info)',
    );
  });
  return [];
}

export class ComposeProject {
  name = `lamplighter-test-${process.pid}`;
  /** @type {Record<'MQTT_PORT' | 'API_PORT' | 'PROMETHEUS_PORT' | 'ALERTMANAGER_PORT' | 'GRAFANA_PORT', number>} */
  ports = { MQTT_PORT: 0, API_PORT: 0, PROMETHEUS_PORT: 0, ALERTMANAGER_PORT: 0, GRAFANA_PORT: 0 };

  static async onFreePorts() {
    const project = new ComposeProject();
    const names = Object.keys(project.ports);
    const free = await freePorts(names.length);
    for (const [index, name] of names.entries()) {
      Object.assign(project.ports, { [name]: free[index] });
    }
    return project;
  }

  /** docker compose ARGS @param {string[]} args */
  compose(args, timeoutMs = 60_000) {
    return run('docker', ['compose', ...args], { env: this.environment(), timeoutMs });
  }

  /** Runs a shell command in the repository; resolves with its output. @param {string} text */
  type(text, timeoutMs = 60_000) {
    const moved = text.replaceAll('127.0.0.1:9093', `127.0.0.1:${this.ports.ALERTMANAGER_PORT}`);
    return run('bash', ['-ec', moved], { env: this.environment(), timeoutMs });
  }

  /** Directs the documented commands to this project, instead of the one with the default name and ports. */
  environment() {
    /** @type {NodeJS.ProcessEnv} */
    const env = { ...process.env };
    for (const name of VARIABLES) delete env[name];
    for (const [name, port] of Object.entries(this.ports)) env[name] = String(port);
    return { ...env, COMPOSE_PROJECT_NAME: this.name };
  }

  /** All containers of the project, including stopped ones. */
  async containers() {
    const lines = (await this.compose(['ps', '--all', '--format', 'json'])).trim().split('\n');
    return lines
      .filter((line) => line !== '')
      .flatMap((line) => /** @type {Container | Container[]} */ (JSON.parse(line)));
  }

  /** What the engine reports about all containers of the project. @returns {Promise<Inspection[]>} */
  async inspect() {
    const ids = (await this.compose(['ps', '--all', '--quiet'])).trim().split('\n');
    return JSON.parse(await run('docker', ['inspect', ...ids]));
  }

  /** The commands that built an image. @param {string} image */
  imageHistory(image) {
    return run('docker', ['history', '--no-trunc', '--format', '{{.CreatedBy}}', image]);
  }

  /** Runs a command in a container of any replica. @param {string} container @param {string[]} command */
  insideContainer(container, command) {
    return run('docker', ['exec', container.replace(/^[/]/, ''), ...command]);
  }

  /** Runs a command in a running container; resolves with its stdout. @param {string} service @param {string[]} command */
  async inside(service, command) {
    return (await this.compose(['exec', '--no-TTY', service, ...command])).trim();
  }

  /** Starts a command in a running container, which reads from `stdin`. @param {string} service @param {string[]} command */
  startInside(service, command) {
    const args = ['compose', 'exec', '--no-TTY', service, ...command];
    return spawn('docker', args, { cwd: REPOSITORY, env: this.environment() });
  }

  /** The last log lines of the unhealthy containers. */
  async logsOfUnhealthy() {
    const unhealthy = (await this.containers()).filter((container) => !isHealthy(container));
    const services = [...new Set(unhealthy.map(({ Service }) => Service))];
    const logs = services.map((service) => this.compose(['logs', '--no-color', '--tail', '40', service]));
    return (await Promise.all(logs)).join('\n');
  }

  /** Ids of the containers, volumes, networks and images of the project. */
  async remains() {
    const label = `label=com.docker.compose.project=${this.name}`;
    const kinds = [
      ['ps', '--all', '--quiet', '--filter', label],
      ['volume', 'ls', '--quiet', '--filter', label],
      ['network', 'ls', '--quiet', '--filter', label],
      ['images', '--quiet', `${this.name}-*`],
    ];
    const found = await Promise.all(kinds.map((args) => run('docker', args)));
    return found
      .join('')
      .split('\n')
      .filter((line) => line !== '');
  }
}

/**
 * @typedef {{ Name: string, Service: string, State: string, Health: string, ExitCode: number,
 *   Publishers?: { URL: string, PublishedPort: number }[] | null }} Container
 */

/**
 * @typedef {{ Name: string, Image: string, State: { Running: boolean, StartedAt: string },
 *   Config: { User: string, Labels: Record<string, string> },
 *   HostConfig: { ReadonlyRootfs: boolean, CapDrop: string[] | null, CapAdd: string[] | null, SecurityOpt: string[] | null,
 *     Privileged: boolean, PidMode: string, IpcMode: string, NetworkMode: string, Memory: number, NanoCpus: number, PidsLimit: number },
 *   Mounts: { Source?: string }[], NetworkSettings: { Networks: Record<string, unknown> } }} Inspection
 */

/** Running and, if it has a health check, healthy; `secrets` must have exited with 0. @param {Container} container */
export function isHealthy({ Service, State, Health, ExitCode }) {
  return Service === 'secrets'
    ? State === 'exited' && ExitCode === 0
    : State === 'running' && (Health === 'healthy' || Health === '');
}

/** @param {number} count @returns {Promise<number[]>} */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        /** @type {Promise<number>} */ (
          new Promise((resolve, reject) => {
            server.once('error', reject);
            server.listen(0, '127.0.0.1', () => {
              const address = server.address();
              resolve(typeof address === 'object' && address ? address.port : 0);
            });
          })
        ),
    ),
  );
  for (const server of servers) server.close();
  return ports;
}

/** @param {string} text @param {number} count */
function lastLines(text, count) {
  return text
    .trimEnd()
    .split('\n')
    .slice(-count)
    .map((line) => `    ${line}`)
    .join('\n');
}
