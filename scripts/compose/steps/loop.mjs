// The loop from telemetry to command, as the API and Prometheus show it.

import { blocksForContainers } from '../documented-commands.mjs';
import { expect, until } from '../expect.mjs';
import { json, request } from '../requests.mjs';

/** @typedef {import('../stack.mjs').Stack} Stack */

/** @param {Stack} stack @param {number} count */
export async function devicesAreOnline(stack, count) {
  await until(`${count} devices online`, async () => {
    const online = await stack.prometheus('max(lamplighter_devices{state="online"})');
    return online === count || `${online} devices are online`;
  });
  const ids = await stack.deviceIds();
  expect(ids.length === count, `the fleet has ${ids.length} devices instead of ${count}`);
}

/** @param {Stack} stack */
export async function rulesCommand(stack) {
  await until('a rule to command a lamp', async () => {
    const commands = await stack.prometheus(
      'sum(lamplighter_commands_total{source="rule",transition="succeeded"})',
    );
    return (commands ?? 0) > 0 || `${commands} commands of rules have succeeded`;
  });
}

/** @param {Stack} stack @param {Record<string, number>} replicas */
export async function prometheusScrapes(stack, replicas) {
  for (const [job, count] of Object.entries(replicas)) {
    await until(`${count} targets of ${job}`, async () => {
      const targets = await stack.prometheus(`sum(up{job="${job}"})`);
      return targets === count || `${targets} are up`;
    });
  }
}

/** @param {Stack} stack */
export async function brokerAndRedisHaveMetrics(stack) {
  for (const query of [
    'max(lamplighter_broker_clients)',
    'max(lamplighter_redis_used_memory_bytes)',
    'redis_up',
  ]) {
    await until(`a value of ${query}`, async () => {
      const value = await stack.prometheus(query);
      return (value ?? 0) > 0 || `it is ${value}`;
    });
  }
}

/** Watchdog always fires and is delivered like any other alert. @param {Stack} stack */
export async function alertsReachAlertmanager(stack) {
  await stack.type('docker compose --profile alerts up', 120_000);
  await until('the alert that always fires', async () => {
    const alerts = await json(request(stack.project.ports.ALERTMANAGER_PORT, '/api/v2/alerts'));
    const names = alerts.map(
      (/** @type {{ labels: Record<string, string> }} */ { labels }) => labels.alertname,
    );
    return names.includes('Watchdog') || `Alertmanager has ${names.join(', ') || 'none'}`;
  });
  const printed = await Promise.all(
    blocksForContainers('docs/runbooks/Watchdog.md').map((block) => stack.project.type(block)),
  );
  expect(printed.join('').includes('Watchdog'), 'the commands of the runbook do not show Watchdog');
}
