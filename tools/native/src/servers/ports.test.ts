import { existsSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { Ports } from '../state/settings.js';
import { requireFreePorts } from './ports.js';

async function listen(host: string): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return server;
}

const close = (server: Server) => new Promise((resolve) => server.close(resolve));

it('lists all ports in use, their variables, and free ports to use instead', async () => {
  const servers = [await listen('127.0.0.1'), await listen('0.0.0.0'), await listen('127.0.0.1')];
  const [mqtt = 0, api = 0, free = 0] = servers.map((server) => (server.address() as AddressInfo).port);
  await close(servers.pop() as Server);
  const ports = { MQTT_PORT: mqtt, API_PORT: api, SIM_PORT: free } as unknown as Ports;
  const rejected = requireFreePorts(ports).catch((error: Error) => error.message);
  const message = (await rejected) ?? '';
  for (const server of servers) await close(server);
  expect(message).toContain(`${mqtt}  MQTT_PORT, the broker\n  ${api}  API_PORT, the API\n`);
  expect(message).toMatch(/ {2}MQTT_PORT=\d+ API_PORT=\d+ npm start$/);
  expect(message).not.toContain('SIM_PORT');
});

const FIRST_FOR_ALL = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
const isRootWithLowPorts =
  process.geteuid?.() === 0 && existsSync(FIRST_FOR_ALL) && Number(readFileSync(FIRST_FOR_ALL, 'utf8')) > 81;

(isRootWithLowPorts ? it : it.skip)('lists forbidden ports separately from ports in use', async () => {
  const server = await listen('127.0.0.1');
  const { port } = server.address() as AddressInfo;
  process.seteuid?.(65_534);
  const ports = { MQTT_PORT: port, API_PORT: 81 } as unknown as Ports;
  const message = await requireFreePorts(ports).then(
    () => '',
    (error: Error) => error.message,
  );
  process.seteuid?.(0);
  await close(server);
  expect(message).toMatch(
    /these ports are in use:\n {2}\d+ {2}MQTT_PORT, the broker\nthis user may not listen .*:\n {2}81 {2}API_PORT, the API\n/,
  );
});
