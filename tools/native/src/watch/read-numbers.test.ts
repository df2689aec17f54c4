import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readSamples } from './exposition.js';
import { readFromPrometheus } from './from-prometheus.js';
import { ServicesReader } from './from-services.js';

const servers: Server[] = [];
async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
const closedPort = async () => {
  const port = await serve(() => undefined);
  await new Promise((resolve) => servers.pop()?.close(resolve));
  return port;
};

const exposition = (accepted: number, loops: readonly [number, number, number]) => `
lamplighter_build_info{version="0.1.0"} 1
lamplighter_telemetry_messages_total{result="accepted"} ${accepted}
lamplighter_telemetry_messages_total{result="late"} 0
lamplighter_telemetry_messages_total{result="duplicate"} 7
lamplighter_commands_total{transition="dispatched",source="rule"} ${loops[2]}
lamplighter_loop_seconds_bucket{le="0.005"} ${loops[0]}
lamplighter_loop_seconds_bucket{le="0.01"} ${loops[1]}
lamplighter_loop_seconds_bucket{le="+Inf"} ${loops[2]}
lamplighter_broker_publish_dropped_total 3
lamplighter_rule_evaluations_total{result="error"} 1
lamplighter_rule_evaluations_total{result="budget_exceeded"} 0
lamplighter_devices{state="online"} 48
lamplighter_devices{state="stale"} 1
lamplighter_devices{state="offline"} 1
lamplighter_devices{state="never_seen"} 9
lamplighter_command_oldest_pending_age_seconds 12.5
`;

describe('without Prometheus', () => {
  it('computes rates between two scrapes', async () => {
    const scrapes = [exposition(100, [0, 0, 0]), exposition(150, [50, 100, 100])];
    const RULES_PORT = await serve((_, response) => response.end(scrapes.shift()));
    const API_PORT = await serve((_, response) => response.end(exposition(0, [0, 0, 0])));
    const reader = new ServicesReader({ RULES_PORT, API_PORT });
    expect(await reader.read()).toMatchObject({
      telemetry: undefined,
      commands: undefined,
      loopP99: undefined,
      devicesOnline: 48,
      devicesKnown: 50,
      oldestPending: 12.5,
      unexplainedCommands: undefined,
      alerts: undefined,
      down: [],
    });
    const second = await reader.read();
    expect(second).toMatchObject({ brokerDropped: 0, ruleErrors: 0 });
    expect(second!.telemetry! / second!.commands!).toBeCloseTo(0.5);
    expect(second!.loopP99).toBeCloseTo(0.0099);
  });

  it('names a service that does not respond; returns undefined if neither does', async () => {
    const API_PORT = await serve((_, response) => response.end(exposition(0, [0, 0, 0])));
    const closed = await closedPort();
    expect(await new ServicesReader({ RULES_PORT: closed, API_PORT }).read()).toMatchObject({
      down: ['rules'],
      telemetry: undefined,
      devicesOnline: 48,
    });
    expect(await new ServicesReader({ RULES_PORT: closed, API_PORT: closed }).read()).toBeUndefined();
  });

  it('ignores another server on the port', async () => {
    const other = await serve((_, response) => response.end('<html>hello</html>'));
    expect(await new ServicesReader({ RULES_PORT: other, API_PORT: other }).read()).toBeUndefined();
  });
});

it('interpolates a quantile within its bucket, and limits it to the last bound', () => {
  const before = readSamples(exposition(0, [0, 0, 0]));
  const quantile = (share: number, ...loops: [number, number, number]) =>
    readSamples(exposition(0, loops)).quantile(share, 'lamplighter_loop_seconds', before);
  expect(quantile(0.5, 100, 100, 100)).toBeCloseTo(0.0025);
  expect(quantile(0.75, 50, 100, 100)).toBeCloseTo(0.0075);
  expect(quantile(0.99, 0, 0, 100)).toBe(0.01);
  expect(quantile(0.99, 0, 0, 0)).toBeUndefined();
});

describe('with Prometheus', () => {
  const serveResult = (result: object[]) =>
    serve((_, response) => response.end(JSON.stringify({ data: { result } })));
  const sample = (metric: object, value: string) => ({ metric, value: [0, value] });

  it('reads every number by its label', async () => {
    const port = await serveResult([
      sample({ number: 'telemetry' }, '24.9'),
      sample({ number: 'loopP99' }, 'NaN'),
      sample({ number: 'alerts', alertname: 'ServiceDown' }, '1'),
      sample({ number: 'up', job: 'rules' }, '0'),
      sample({ number: 'up', job: 'api' }, '1'),
    ]);
    expect(await readFromPrometheus(port)).toMatchObject({
      telemetry: 24.9,
      loopP99: undefined,
      devicesOnline: undefined,
      alerts: ['ServiceDown'],
      down: ['rules'],
    });
  });

  it('returns undefined if Prometheus does not respond or does not scrape the services', async () => {
    expect(await readFromPrometheus(await closedPort())).toBeUndefined();
    expect(await readFromPrometheus(await serveResult([]))).toBeUndefined();
  });

  it('returns undefined after the first scrape of the services', async () => {
    const up = sample({ number: 'up', job: 'rules' }, '1');
    expect(await readFromPrometheus(await serveResult([up]))).toBeUndefined();
  });
});
