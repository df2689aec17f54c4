import { connect, createServer } from 'node:net';
import { CannotStart, PORTS, type PortName, type Ports } from './settings.js';

/**
 * Refuses ports on which something listens already, all at once, with free ones to use instead.
 * @throws CannotStart
 */
export async function refuseTakenPorts(ports: Ports): Promise<void> {
  const names = Object.keys(ports) as PortName[];
  const free = await Promise.all(names.map((name) => isFree(ports[name])));
  const taken = names.filter((_, index) => !free[index]);
  if (taken.length === 0) return;
  const used = new Set<number>(Object.values(ports));
  const instead: string[] = [];
  for (const name of taken) {
    const port = await nextFree(ports[name] + 10_000, used);
    used.add(port);
    instead.push(`${name}=${port}`);
  }
  const list = taken.map((name) => `${ports[name]}  ${name}, ${PORTS[name].of}`);
  throw new CannotStart(
    `something else listens on 127.0.0.1 on\n  ${list.join('\n  ')}\nStop it, or choose other ports:\n  ${instead.join(' ')} npm start`,
  );
}

async function nextFree(from: number, used: ReadonlySet<number>): Promise<number> {
  let port = from;
  while (port > 65_535 || used.has(port) || !(await isFree(port))) port = port >= 65_535 ? 1024 : port + 1;
  return port;
}

/** True if nothing answers on the loopback port and it can be listened on. */
export async function isFree(port: number): Promise<boolean> {
  // Some systems let one listen on 127.0.0.1 beside a server that has the port on all addresses.
  return !(await answers(port)) && (await canListen(port));
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
