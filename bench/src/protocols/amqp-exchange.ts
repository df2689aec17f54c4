import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '@lamplighter/native/process/child';
import { exchangeBytes, untilServing } from '@lamplighter/native/process/serving';
import { freePort } from '../testbed/free-port.js';
import type { Exchange, Line } from './exchange.js';

const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';
const PYTHON = '/usr/bin/python3';
/** Python is not compiled, so this file exists only in src. */
const PROGRAM = fileURLToPath(new URL('./amqp.py', import.meta.url));
const START_MS = 60_000;

/** Why AMQP cannot be measured on this machine; undefined if it can. */
export function whyNoAmqp(): string | undefined {
  if (!existsSync(SERVER)) return 'skipping AMQP: install rabbitmq-server';
  try {
    execFileSync(PYTHON, ['-c', 'import pika'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'skipping AMQP: install python3-pika';
  }
}

/** Starts RabbitMQ on loopback with its files in a folder. @throws ServerFailed */
export async function startRabbitMq(port: number, folder: string): Promise<Child> {
  const epmd = String(await freePort());
  const child = startChild({
    name: 'rabbitmq',
    command: SERVER,
    args: [],
    logFile: join(folder, 'rabbitmq.log'),
    // Erlang writes crash dumps here.
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      ERL_EPMD_PORT: epmd,
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_EPMD_RELAXED_COMMAND_CHECK: '1',
      // The start script then replaces itself with the server, which ends with this process.
      RUNNING_UNDER_SYSTEMD: '1',
      RABBITMQ_NODENAME: `bench-${process.pid}@localhost`,
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_DIST_PORT: String(await freePort()),
      RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
      RABBITMQ_PID_FILE: join(folder, 'pid'),
    },
  });
  // Erlang's name server does not end with RabbitMQ.
  process.once('exit', () => {
    try {
      execFileSync('epmd', ['-port', epmd, '-kill'], { stdio: 'ignore' });
    } catch {
      // It has already ended.
    }
  });
  const wrongVersion = Buffer.from('AMQP\0\0\0\0');
  const answers = async () =>
    (await exchangeBytes(port, wrongVersion, 8)).toString('latin1').startsWith('AMQP') ||
    'not an AMQP server';
  await untilServing(child, answers, START_MS);
  return child;
}

/** AMQP 0-9-1: without confirms and with queues that end with their consumers, or with confirms and durable queues. */
export function amqpExchange(brokerPort: number, way: 'transient' | 'durable'): Exchange {
  return {
    name: way === 'transient' ? 'AMQP 0-9-1, no confirms' : 'AMQP 0-9-1, confirms, durable queues',
    serverPort: brokerPort,
    async open(devicePort): Promise<Line> {
      const queues = [`${way}-commands`, `${way}-telemetry`] as const;
      let readings = 0;
      const server = new Endpoint(brokerPort, way, queues[1], queues[0], () => {
        readings += 1;
      });
      const device = new Endpoint(devicePort, way, queues[0], queues[1], (command) =>
        line.onCommand(command),
      );
      await server.do({ do: 'connect' });
      const line: Line = {
        onCommand: () => undefined,
        connect: () => device.do({ do: 'connect' }),
        send: (body) => device.do({ do: 'send', body }),
        issue: (body) => server.do({ do: 'send', body }),
        readings: () => readings,
        drop: () => device.do({ do: 'drop' }),
        async close() {
          device.end();
          server.end();
        },
      };
      return line;
    },
  };
}

/** A Python program with pika; see amqp.py. */
class Endpoint {
  private readonly child: ChildProcess;
  private readonly pending: (() => void)[] = [];

  constructor(
    port: number,
    way: string,
    reads: string,
    writes: string,
    onMessage: (message: Record<string, unknown>) => void,
  ) {
    this.child = spawn(PYTHON, [PROGRAM, String(port), way, reads, writes], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    createInterface({ input: this.child.stdout! }).on('line', (text) => {
      const message = JSON.parse(text) as { got?: Record<string, unknown> };
      if (message.got !== undefined) onMessage(message.got);
      else this.pending.shift()?.();
    });
  }

  do(what: object): Promise<void> {
    this.child.stdin!.write(`${JSON.stringify(what)}\n`);
    return new Promise((resolve) => this.pending.push(resolve));
  }

  end(): void {
    this.child.kill('SIGKILL');
  }
}
