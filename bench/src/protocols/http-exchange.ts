import { Agent, createServer, request } from 'node:http';
import type { Exchange, Line } from './exchange.js';

/** HTTP/1.1: the device posts readings and polls for commands after every `pollEvery`-th reading. */
export function httpExchange(serverPort: number, keepAlive: boolean, pollEvery: number): Exchange {
  const polls = pollEvery === 1 ? 'asks with every reading' : `asks with every ${pollEvery}th reading`;
  return {
    name: `HTTP/1.1, ${keepAlive ? 'keep-alive' : 'a connection each'}, ${polls}`,
    serverPort,
    async open(devicePort): Promise<Line> {
      let readings = 0;
      let pending: object[] = [];
      const server = createServer((incoming, response) => {
        incoming.resume().once('end', () => {
          if (incoming.method === 'POST') {
            readings += 1;
            response.writeHead(204).end();
            return;
          }
          const body = JSON.stringify(pending);
          pending = [];
          response
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
          const outgoing = request(
            { host: '127.0.0.1', port: devicePort, agent, method, path, headers },
            (response) => {
              let text = '';
              response.setEncoding('utf8').on('data', (chunk) => {
                text += chunk;
              });
              response.once('end', () => resolve(text));
            },
          );
          outgoing.once('error', reject);
          outgoing.end(body);
        });
      let sent = 0;
      const poll = async () => {
        const commands = JSON.parse(await fetch('GET', '/commands')) as Record<string, unknown>[];
        for (const command of commands) line.onCommand(command);
      };
      const line: Line = {
        onCommand: () => undefined,
        // HTTP has no session: a client that returns polls again.
        connect: () => (sent === 0 ? Promise.resolve() : poll()),
        async send(reading) {
          await fetch('POST', '/telemetry', JSON.stringify(reading));
          if (sent++ % pollEvery === 0) await poll();
        },
        async issue(command) {
          pending.push(command);
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
