import { resolve } from 'node:path';
import { REPOSITORY } from './repository.js';

/** An error whose message is shown to the user, without a stack trace. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart';
}

/** The ports of a native instance: variable, default and what listens there. All are on loopback, except MQTT_TLS_PORT. */
export const PORTS = {
  MQTT_PORT: { fallback: 1883, of: 'the broker' },
  MQTT_TLS_PORT: { fallback: 8883, of: 'the broker, for devices on the network' },
  MQTT_SERVICES_PORT: { fallback: 1884, of: 'the broker, for the services' },
  REDIS_PORT: { fallback: 16379, of: 'Redis' },
  API_PORT: { fallback: 8080, of: 'the API' },
  PROMETHEUS_PORT: { fallback: 9090, of: 'Prometheus' },
  RULES_PORT: { fallback: 8081, of: 'metrics and health of the rules service' },
  SIM_PORT: { fallback: 8082, of: 'metrics and health of the simulated fleet' },
} as const;
export type PortName = keyof typeof PORTS;
export type Ports = Readonly<Record<PortName, number>>;

/** The default state folder. */
export const DEFAULT_FOLDER = resolve(REPOSITORY, '.lamplighter');

export interface Settings {
  readonly ports: Ports;
  /** Full path of the state folder. */
  readonly folder: string;
  /** The user's working directory. */
  readonly from: string;
}

/**
 * Reads ports and state folder from the environment.
 * @throws CannotStart with all problems
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const problems: string[] = [];
  const names = Object.keys(PORTS) as PortName[];
  const ports = Object.fromEntries(
    names.map((name) => {
      const text = env[name]?.trim() || String(PORTS[name].fallback);
      const port = Number(text);
      if (!/^\d+$/.test(text) || port < 1 || port > 65_535) {
        problems.push(`${name} must be a port from 1 to 65535, not "${text}"`);
      }
      return [name, port];
    }),
  ) as Record<PortName, number>;
  for (const [index, name] of names.entries()) {
    const same = names.slice(0, index).find((other) => ports[other] === ports[name]);
    if (same !== undefined) problems.push(`${name} and ${same} are both ${ports[name]}`);
  }
  if (problems.length > 0) throw new CannotStart(problems.join('\n  '));
  // npm changes to the repository and passes the user's working directory in INIT_CWD.
  const from = env.INIT_CWD ?? process.cwd();
  const folder = env.LAMPLIGHTER_STATE?.trim();
  return { ports, from, folder: folder ? resolve(from, folder) : DEFAULT_FOLDER };
}
