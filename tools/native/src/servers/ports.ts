import { connect, createServer } from 'node:net';
import { CannotStart, PORTS, type PortName, type Ports } from '../state/settings.js';

/**
 * Checks that all ports are free and that this user may listen on them.
 * @param addresses where a server listens if not on 127.0.0.1
 * @throws CannotStart with all unusable ports, and free ones to use instead
 */
export async function requireFreePorts(
  ports: Partial<Ports>,
  addresses: Partial<Readonly<Record<PortName, string>>> = {},
): Promise<void> {
  const entries = Object.entries(ports) as [PortName, number][];
  const found = await Promise.all(
    entries.map(async ([name, port]) => ({ name, port, use: await useOf(port, addresses[name]) })),
  );
  const unusable = found.filter(({ use }) => use !== 'free');
  if (unusable.length === 0) return;
  const used = new Set<number>(Object.values(ports));
  const instead: string[] = [];
  for (const { name, port } of unusable) {
    const other = await nextFree(port + 10_000, used);
    used.add(other);
    instead.push(`${name}=${other}`);
  }
  const list = (which: PortUse) =>
    unusable
      .filter(({ use }) => use === which)
      .map(({ name, port }) => `\n  ${port}  ${name}, ${PORTS[name].of}`)
      .join('');
  const [taken, forbidden] = [list('taken'), list('forbidden')];
  const problems = [
    ...(taken === '' ? [] : [`these ports are in use:${taken}`]),
    ...(forbidden === ''
      ? []
      : [`this user may not listen on these ports (low ports require root):${forbidden}`]),
  ];
  throw new CannotStart(
    `${problems.join('\n')}\n${taken === '' ? 'Choose' : 'Stop it, or choose'} other ports:\n  ${instead.join(' ')} npm start`,
  );
}

async function nextFree(from: number, used: ReadonlySet<number>): Promise<number> {
  let port = from;
  while (port > 65_535 || used.has(port) || !(await isFree(port))) port = port >= 65_535 ? 1024 : port + 1;
  return port;
}

type PortUse = 'free' | 'taken' | 'forbidden';

/** True if no server accepts connections on the loopback port and this process can listen on it. */
async function isFree(port: number): Promise<boolean> {
  return (await useOf(port)) === 'free';
}

async function useOf(port: number, address = '127.0.0.1'): Promise<PortUse> {
  // Some systems allow listening on 127.0.0.1 while a server listens on the port on all addresses.
  return (await acceptsConnections(port, address)) ? 'taken' : tryToListen(port, address);
}

function acceptsConnections(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, address);
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function tryToListen(port: number, address: string): Promise<PortUse> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code === 'EACCES' ? 'forbidden' : 'taken'),
    );
    server.listen(port, address, () => server.close(() => resolve('free')));
  });
}
