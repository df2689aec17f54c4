import { Agent, createServer, request } from 'node:http';
import type { Exchange, Line } from './exchange.js';

/** HTTP/1.1: the device posts readings, and asks for commands with every reading or with every `pollEvery`-th. */
export function httpExchange(serverPort: number, keepAlive: boolean, pollEvery: number): Exchange {
  const often = pollEvery === 1 ? 'asks with every reading' : `asks with every ${pollEvery}th reading`;
  return {
    name: `HTTP/1.1, ${keepAlive ? 'keep-alive' : 'a connection each'}, ${often}`,
    serverPort,
    async open(devicePort): Promise<Line> {
      let readings = 0;
      let waiting: object[] = [];
      const server = createServer((incoming, answer) => {
        incoming.resume().once('end', () => {
          if (incoming.method === 'POST') {
            readings += 1;
            answer.writeHead(204).end();
            return;
          }
          const body = JSON.stringify(waiting);
          waiting = [];
          answer
            .writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
            .end(body);
        });
      });
      await new Promise<void>((resolve) => server.listen(serverPort, '127.0.0.1', resolve));

      const agent = new Agent({ keepAlive, maxSockets: 1 });
      const fetch = (method: string, path: string, body?: string) =>
        new Promise<string>((resolve, reject) => {
          const headers =
            body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length };
          const asked = request(
            { host: '127.0.0.1', port: devicePort, agent, method, path, headers },
            (answer) => {
              let text = '';
              answer.setEncoding('utf8').on('data', (chunk) => {
                text += chunk;
              });
              answer.once('end', () => resolve(text));
            },
          );
          asked.once('error', reject);
          asked.end(body);
        });
      let sent = 0;
      const poll = async () => {
        const commands = JSON.parse(await fetch('GET', '/commands')) as Record<string, unknown>[];
        for (const command of commands) line.onCommand(command);
      };
      const line: Line = {
        onCommand: () => undefined,
        // There is no connection: a client that returns asks again.
        connect: () => (sent === 0 ? Promise.resolve() : poll()),
        async send(reading) {
          await fetch('POST', '/telemetry', JSON.stringify(reading));
          if (sent++ % pollEvery === 0) await poll();
        },
        async order(command) {
          waiting.push(command);
        },
        readings: () => readings,
        drop: async () => agent.destroy(),
        async close() {
          agent.destroy();
          server.closeAllConnections();
          await new Promise((resolve) => server.close(resolve));
        },
      };
      return line;
    },
  };
}
