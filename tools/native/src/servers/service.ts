import { join } from 'node:path';
import { startChild } from '../process/child.js';
import { type Server, untilServing } from '../process/serving.js';
import { REPOSITORY } from '../state/repository.js';

/** The services, with the variable of their HTTP port. */
export const SERVICE_PORTS = { rules: 'RULES_PORT', api: 'API_PORT', 'device-sim': 'SIM_PORT' } as const;
export type ServiceName = keyof typeof SERVICE_PORTS;

export interface ServiceOptions {
  readonly name: ServiceName;
  readonly port: number;
  /** The environment, without the port. */
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
}

/** Enough for a slow machine that has just booted. */
export const READY_MS = 60_000;

/** Starts `node services/<name>/dist/bundle.js` (built by scripts/bundle.mjs); does not wait until it is ready. */
export function launchService({ name, port, env, logFile }: ServiceOptions): Server {
  const child = startChild({
    name,
    command: process.execPath,
    args: [join(REPOSITORY, 'services', name, 'dist/bundle.js')],
    logFile,
    env: { ...env, [SERVICE_PORTS[name]]: String(port) },
  });
  return Object.assign(child, { port, url: `http://127.0.0.1:${port}` });
}

/**
 * Resolves when the service is ready.
 * @param onNotReady called with the reasons each time the service reports that it is not ready
 * @throws ServerFailed with the last reasons
 */
export async function untilReady(
  service: Server,
  timeoutMs = READY_MS,
  onNotReady: (reasons: string) => void = () => {},
): Promise<void> {
  const probe = async () => {
    const response = await fetch(`${service.url}/health/ready`);
    if (response.ok) return true;
    const { reasons } = (await response.json()) as { reasons?: string[] };
    const text = reasons?.join('; ') ?? `status ${response.status}`;
    onNotReady(text);
    return text;
  };
  await untilServing(service, probe, timeoutMs);
}
