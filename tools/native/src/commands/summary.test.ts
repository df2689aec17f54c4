import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readCounts, summarize } from './summary.js';

const EXPOSITION = `# HELP lamplighter_devices Devices by presence
lamplighter_devices{state="online"} 48
lamplighter_devices{state="offline"} 2
lamplighter_telemetry_messages_total{result="accepted"} 1000
lamplighter_telemetry_messages_total{result="late"} 5
lamplighter_telemetry_messages_total{result="duplicate"} 7
lamplighter_commands_total{transition="dispatched",source="rule"} 10
lamplighter_commands_total{transition="dispatched",source="api"} 2
lamplighter_commands_total{transition="expired",source="api"} 9
lamplighter_commands_total_more 1e3
`;

it('reads the counts of the services, and returns undefined if they do not respond', async () => {
  const server = createServer((_request, response) => response.end(EXPOSITION));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const ports = { RULES_PORT: port, API_PORT: port };
  expect(await readCounts(ports)).toMatchObject({ online: 48, readings: 1005, commands: 12 });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  expect(await readCounts(ports)).toBeUndefined();
});

it('shows rates since the last summary, never negative after a restart', () => {
  const before = { at: 1000, online: 1, readings: 100, commands: 50 };
  const now = { at: 3000, online: 50, readings: 200, commands: 10 };
  expect(summarize(before, now)).toBe('50 devices online · 50.0 readings/s · 0.0 commands/s');
  expect(summarize(undefined, now)).toBe('50 devices online · – readings/s · – commands/s');
  expect(summarize(before, undefined)).toBe('the services do not respond');
});

it('shows a missing count as unknown, not as 0', async () => {
  const text = EXPOSITION.replaceAll(/^lamplighter_devices.*$/gm, '');
  const server = createServer((_request, response) => response.end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const counts = await readCounts({ RULES_PORT: port, API_PORT: port });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  expect(counts?.online).toBeUndefined();
  expect(summarize(undefined, counts)).toBe('– devices online · – readings/s · – commands/s');
});
