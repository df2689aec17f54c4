import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKey, startStack, stopAll } from '@lamplighter/native/commands/stack';
import { liveChildren } from '@lamplighter/native/process/child';
import { startMosquitto } from '@lamplighter/native/servers/mosquitto';
import { launchService, untilReady } from '@lamplighter/native/servers/service';
import { redisUrl } from '@lamplighter/native/state/redis-accounts';
import { writePrivate } from '@lamplighter/native/state/secrets';
import { PORTS, type PortName, type Ports } from '@lamplighter/native/state/settings';
import { FLEET, openState, type State } from '@lamplighter/native/state/state';

/** A complete stack with two rules replicas, on free ports and in a temporary folder. */
export interface ScenarioStack {
  readonly ports: Ports;
  readonly key: string;
  /** The password of the fleet at the broker. */
  readonly fleetPassword: string;
  stopBroker(): Promise<void>;
  startBroker(): Promise<void>;
  killSecondReplica(): void;
  startSecondReplica(): Promise<void>;
  /** Stops everything and deletes its data. */
  stop(): Promise<void>;
}

/** Starts a stack, which ends no later than this process. */
export async function startScenarioStack(devices: number, env: NodeJS.ProcessEnv): Promise<ScenarioStack> {
  const ports = await freePorts();
  const folder = mkdtempSync(join(tmpdir(), 'lamplighter-scenario-'));
  const state = openState(folder, ports);
  const stop = new AbortController().signal;
  const { firstKey } = await startStack({
    ports,
    state,
    lesson: false,
    sim: true,
    devices,
    env: { ...process.env, ...env },
    stop,
  });
  const redisUrlOf = (account: 'rules' | 'api') =>
    redisUrl(ports.REDIS_PORT, account, state.redisAccounts[account]);
  const key = firstKey ?? (await createKey(redisUrlOf('api'), []));
  const secondPort = await freePort();
  const rulesUrl = `mqtt://rules:${state.accounts.rules}@127.0.0.1:${ports.MQTT_SERVICES_PORT}`;
  const child = (name: string) => [...liveChildren].findLast((one) => one.name === name);
  const startSecondReplica = async () => {
    await untilReady(
      launchService({
        name: 'rules',
        port: secondPort,
        env: { ...process.env, HOST: '127.0.0.1', MQTT_URL: rulesUrl, REDIS_URL: redisUrlOf('rules') },
        logFile: state.logFile('rules-2'),
      }),
    );
  };
  await startSecondReplica();
  writePrivate(
    join(folder, 'prometheus/targets/rules-2.json'),
    `[{"targets": ["127.0.0.1:${secondPort}"]}]\n`,
  );
  return {
    ports,
    key: key ?? '',
    fleetPassword: state.accounts[FLEET] ?? '',
    async stopBroker() {
      await child('mosquitto')?.stop();
    },
    async startBroker() {
      await startBroker(state, ports);
    },
    killSecondReplica: () => child('rules')?.kill('SIGKILL'),
    startSecondReplica,
    async stop() {
      await stopAll();
      rmSync(folder, { recursive: true });
    },
  };
}

async function startBroker({ folder, accounts, logFile }: State, ports: Ports): Promise<void> {
  await startMosquitto({
    folder: join(folder, 'mosquitto'),
    port: ports.MQTT_PORT,
    servicesPort: ports.MQTT_SERVICES_PORT,
    accounts,
    logFile: logFile('mosquitto'),
  });
}

async function freePorts(): Promise<Ports> {
  const ports: Partial<Record<PortName, number>> = {};
  for (const name of Object.keys(PORTS) as PortName[]) ports[name] = await freePort();
  return ports as Ports;
}

/** A loopback port that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
