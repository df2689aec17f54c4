import { join } from 'node:path';
import { minimalEnvironment } from '@lamplighter/native/process/child';
import type { Server } from '@lamplighter/native/process/serving';
import {
  launchService,
  SERVICE_PORTS,
  type ServiceName,
  untilReady,
} from '@lamplighter/native/servers/service';
import { temporaryFolder } from '../folder.js';
import { closeLater } from '../resources.js';
import { freePort } from './free-port.js';

/** A service; its URL serves /metrics, /health/live, /health/ready and the API. */
export type TestService = Server;

/**
 * Runs `node services/<name>/dist/bundle.js` with this environment and a free port, and stops it at the end of the test.
 * Resolves when it is ready; with `wait: 'started'` immediately, for services that cannot become ready.
 * @throws ServerFailed if it ends or is not ready in time
 */
export async function startService(
  name: ServiceName,
  env: Record<string, string>,
  { wait = 'ready' }: { wait?: 'ready' | 'started' } = {},
): Promise<TestService> {
  const service = launchService({
    name,
    port: Number(env[SERVICE_PORTS[name]] ?? (await freePort())),
    env: { ...minimalEnvironment(), ...env },
    logFile: join(temporaryFolder(), `${name}.log`),
  });
  closeLater(name, () => service.stop());
  if (wait === 'ready') await untilReady(service);
  return service;
}
