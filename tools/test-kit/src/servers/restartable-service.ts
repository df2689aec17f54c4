import { join } from 'node:path';
import { lastLines, minimalEnvironment } from '@lamplighter/native/process/child';
import { ServerFailed } from '@lamplighter/native/process/serving';
import { launchService, SERVICE_PORTS, type ServiceName } from '@lamplighter/native/servers/service';
import { temporaryFolder } from '../folder.js';
import { until } from '../until.js';
import { freePort } from './free-port.js';
import { type Restartable, restartable } from './restartable.js';

/** A service that a test can break. `start` does not wait until it is ready, since its dependencies may be broken too. */
export interface RestartableService extends Restartable {
  readonly name: ServiceName;
  readonly url: string;
  /** Resolves when it is ready. @throws ServerFailed if it ends first */
  ready(timeoutMs?: number): Promise<void>;
}

/** Starts `node services/<name>/dist/bundle.js` with this environment. Restarts use the same port. */
export async function restartableService(
  name: ServiceName,
  env: Record<string, string>,
): Promise<RestartableService> {
  const port = Number(env[SERVICE_PORTS[name]] ?? (await freePort()));
  const logFile = join(temporaryFolder(), `${name}.log`);
  const service = await restartable(async () =>
    launchService({ name, port, env: { ...minimalEnvironment(), ...env }, logFile }),
  );
  const url = `http://127.0.0.1:${port}`;
  return Object.assign(service, {
    name,
    url,
    async ready(timeoutMs = 60_000) {
      const readyOrEnded = async () => {
        if (!service.running) return true;
        const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2000) });
        if (!response.ok) throw new Error(await response.text());
        return true;
      };
      await until(readyOrEnded, { what: `${name} to be ready`, timeoutMs, everyMs: 100 });
      if (!service.running)
        throw new ServerFailed(
          `${name} has ended; last lines of its log:\n${lastLines(service.output(), 10)}`,
        );
    },
  });
}
