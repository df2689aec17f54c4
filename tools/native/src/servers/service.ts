import { join } from 'node:path';
import { startChild } from '../process/child.js';
import { type Server, untilServing } from '../process/serving.js';
import { REPOSITORY } from '../state/repository.js';

/** Our services, and the variable that says where the HTTP of each listens. */
export const SERVICE_PORTS = { rules: 'RULES_PORT', api: 'API_PORT', 'device-sim': 'SIM_PORT' } as const;
export type ServiceName = keyof typeof SERVICE_PORTS;

export interface ServiceOptions {
  readonly name: ServiceName;
  readonly port: number;
  /** The whole environment but for the port. */
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
}

/** Enough for a slow machine that has just been started. */
export const READY_MS = 60_000;

/** Starts `node services/<name>/dist/bundle.js`, which scripts/bundle.mjs makes, without waiting. */
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
 * Settles when the service says that it is ready.
 * @param onNotReady is called with what keeps it from being ready, as often as it is asked
 * @throws ServerFailed with the last of that
 */
export async function untilReady(
  service: Server,
  timeoutMs = READY_MS,
  onNotReady: (reasons: string) => void = () => {},
): Promise<void> {
  const probe = async () => {
    const answer = await fetch(`${service.url}/health/ready`);
    if (answer.ok) return true;
    const { reasons } = (await answer.json()) as { reasons?: string[] };
    const text = reasons?.join('; ') ?? `status ${answer.status}`;
    onNotReady(text);
    return text;
  };
  await untilServing(service, probe, timeoutMs);
}
