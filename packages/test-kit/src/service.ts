import { join } from 'node:path';
import { type Child, minimalEnvironment, startChild } from '@lamplighter/native/child';
import { REPOSITORY } from '@lamplighter/native/repository';
import { untilServing } from '@lamplighter/native/serving';
import { temporaryFolder } from './folder.js';
import { freePort } from './free-port.js';
import { closeLater } from './resources.js';

/** A service of ours, running from its `dist` folder. */
export interface TestService extends Child {
  /** Of its HTTP: /metrics, /health/live, /health/ready, and the API. */
  readonly port: number;
  readonly url: string;
}

/** The variable that says where each service's HTTP listens. */
const PORT_VARIABLES = { rules: 'RULES_PORT', api: 'API_PORT', 'device-sim': 'SIM_PORT' } as const;
export type ServiceName = keyof typeof PORT_VARIABLES;

const READY_MS = 30_000;

/**
 * Runs `node services/<name>/dist/main.js` with this environment and a free port, and stops it at the end of the test.
 * Settles when it is ready; with `wait: 'started'` at once, for services that are not meant to become ready.
 * @throws ServerFailed if it ends or is not ready in time
 */
export async function startService(
  name: ServiceName,
  env: Record<string, string>,
  { wait = 'ready' }: { wait?: 'ready' | 'started' } = {},
): Promise<TestService> {
  const variable = PORT_VARIABLES[name];
  const port = Number(env[variable] ?? (await freePort()));
  const child = startChild({
    name,
    command: process.execPath,
    args: [join(REPOSITORY, 'services', name, 'dist/main.js')],
    logFile: join(temporaryFolder(), `${name}.log`),
    env: { ...minimalEnvironment(), ...env, [variable]: String(port) },
  });
  closeLater(name, () => child.stop());
  const url = `http://127.0.0.1:${port}`;
  if (wait === 'ready') {
    await untilServing(child, async () => (await fetch(`${url}/health/ready`)).ok, READY_MS);
  }
  return Object.assign(child, { port, url });
}
