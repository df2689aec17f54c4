import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '@lamplighter/native/process/child';
import { exchangeBytes, untilServing } from '@lamplighter/native/process/serving';
import { freePort } from '../bed/free-port.js';
import type { Exchange, Line } from './exchange.js';

const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';
const PYTHON = '/usr/bin/python3';
/** Not compiled: it stays among the sources. */
const PROGRAM = fileURLToPath(new URL('./amqp.py', import.meta.url));
const START_MS = 60_000;

/** What is missing on this machine to measure AMQP; undefined if nothing is. */
export function whyNoAmqp(): string | undefined {
  if (!existsSync(SERVER)) return 'AMQP is left out: install rabbitmq-server';
  try {
    execFileSync(PYTHON, ['-c', 'import pika'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'AMQP is left out: install python3-pika';
  }
}

/** A RabbitMQ of our own on loopback, with its files in a folder. @throws ServerFailed */
export async function startRabbitMq(port: number, folder: string): Promise<Child> {
  const epmd = String(await freePort());
  const child = startChild({
    name: 'rabbitmq',
    command: SERVER,
    args: [],
    logFile: join(folder, 'rabbitmq.log'),
    // Where Erlang leaves a dump, should it end badly.
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      ERL_EPMD_PORT: epmd,
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_EPMD_RELAXED_COMMAND_CHECK: '1',
      // Makes the script become the server, which then ends with us.
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
  // Erlang leaves its name server running.
  process.once('exit', () => {
    try {
      execFileSync('epmd', ['-port', epmd, '-kill'], { stdio: 'ignore' });
    } catch {
      // It has ended already.
    }
  });
  const wrongVersion = Buffer.from('AMQP\0\0\0\0');
  const answers = async () =>
    (await exchangeBytes(port, wrongVersion, 8)).toString('latin1').startsWith('AMQP') ||
    'it does not speak AMQP';
  await untilServing(child, answers, START_MS);
  return child;
}

/** AMQP 0-9-1: nothing is confirmed and queues end with their consumers, or everything is confirmed and on disk. */
export function amqpExchange(brokerPort: number, way: 'transient' | 'durable'): Exchange {
  return {
    name: way === 'transient' ? 'AMQP 0-9-1, no confirms' : 'AMQP 0-9-1, confirms, durable queues',
    serverPort: brokerPort,
    async open(devicePort): Promise<Line> {
      const queues = [`${way}-commands`, `${way}-telemetry`] as const;
      let readings = 0;
      const server = new End(brokerPort, way, queues[1], queues[0], () => {
        readings += 1;
      });
      const device = new End(devicePort, way, queues[0], queues[1], (command) => line.onCommand(command));
      await server.do({ do: 'connect' });
      const line: Line = {
        onCommand: () => undefined,
        connect: () => device.do({ do: 'connect' }),
        send: (body) => device.do({ do: 'send', body }),
        order: (body) => server.do({ do: 'send', body }),
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

/** One program on pika. */
class End {
  private readonly child: ChildProcess;
  private readonly waiting: (() => void)[] = [];

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
      const said = JSON.parse(text) as { got?: Record<string, unknown> };
      if (said.got !== undefined) onMessage(said.got);
      else this.waiting.shift()?.();
    });
  }

  do(what: object): Promise<void> {
    this.child.stdin!.write(`${JSON.stringify(what)}\n`);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  end(): void {
    this.child.kill('SIGKILL');
  }
}
