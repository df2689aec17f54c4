import { createServer } from 'node:http';
import type { Server } from '@lamplighter/native/process/serving';
import { closeEverything } from './resources.js';
import { startBroker, type TestBroker, type TestFleet } from './servers/broker.js';
import { startRedis } from './servers/redis.js';
import { startService } from './servers/service.js';

/** The addresses of the shared stack. */
export interface SharedStackAddresses {
  readonly rulesUrl: string;
  readonly redisUrl: string;
  /** With the account of the api. */
  readonly redisApiUrl: string;
  readonly apiUrl: string;
}

/*
 * A program that runs one stack for many test files: broker, Redis, rules and API with default settings. It starts them at the
 * first request and stops them when its stdin ends, which also happens if its parent is killed. Its first line of output is its URL:
 * `POST /stack` returns the addresses, `POST /fleets` a fleet that no other test uses.
 * Exits with 1 if a process ended early or could not be stopped.
 */
interface Running {
  readonly addresses: SharedStackAddresses;
  readonly broker: TestBroker;
  readonly services: readonly Server[];
  readonly isComplete: () => boolean;
}

/** Fleets are added in advance, because the broker reloads all accounts on each addition. */
const FLEETS_AT_ONCE = 25;

let running: Promise<Running> | undefined;
let spareFleets: TestFleet[] = [];
let queue: Promise<unknown> = Promise.resolve();

async function start(): Promise<Running> {
  const [broker, redis] = await Promise.all([startBroker(), startRedis()]);
  const services = await Promise.all([
    startService('rules', { MQTT_URL: broker.rulesUrl, REDIS_URL: redis.rulesUrl }),
    startService('api', { REDIS_URL: redis.apiUrl }),
  ]);
  return {
    addresses: {
      rulesUrl: broker.rulesUrl,
      redisUrl: redis.url,
      redisApiUrl: redis.apiUrl,
      apiUrl: services[1].url,
    },
    broker,
    services,
    isComplete: () => broker.running && redis.running && services.every(({ exit }) => exit === undefined),
  };
}

/** Requests run one after another, so that one of them adds fleets for all. */
function newFleet({ broker }: Running): Promise<TestFleet> {
  const fleet = queue.then(async () => {
    if (spareFleets.length === 0) spareFleets = await broker.newFleets(FLEETS_AT_ONCE);
    return spareFleets.pop()!;
  });
  queue = fleet.catch(() => undefined);
  return fleet;
}

async function respond(path: string | undefined): Promise<unknown> {
  running ??= start();
  const stack = await running;
  return path === '/fleets' ? newFleet(stack) : stack.addresses;
}

async function stop(): Promise<void> {
  server.close();
  const stack = await running?.catch(() => undefined);
  if (stack !== undefined && !stack.isComplete()) {
    process.exitCode = 1;
    console.error('a process of the shared stack ended unexpectedly:');
    for (const service of stack.services) console.error(`${service.name}: ${service.output()}`);
  }
  await closeEverything();
}

const server = createServer((request, response) => {
  respond(request.url).then(
    (value) => response.end(JSON.stringify(value)),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`);
});
process.stdin.resume().once('close', () => {
  stop().catch((error: unknown) => {
    process.exitCode = 1;
    console.error(error);
  });
});
