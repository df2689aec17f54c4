// The first start: engine, health, published ports and the API key.
import { DOCUMENTED } from '../documented-commands.mjs';
import { expect } from '../expect.mjs';
import { isHealthy, prepareEngine } from '../project.mjs';
import { request } from '../requests.mjs';
import { SERVICES } from '../stack.mjs';

/** @typedef {import('../stack.mjs').Stack} Stack */

/** @param {Stack} stack */
export async function engineResponds(stack) {
  const missing = await prepareEngine();
  stack.hasEngine = true;
  if (!missing.some((image) => image.startsWith('grafana/'))) return;
  console.log('       no Grafana image on this machine; running without Grafana');
  stack.startOnly = [...SERVICES, 'redis-exporter', 'prometheus'];
  for (const [command, { grafana }] of Object.entries(DOCUMENTED)) if (grafana) stack.typed.add(command);
}

/** @param {Stack} stack */
export async function allHealthyOnLoopback(stack) {
  const containers = await stack.project.containers();
  const unhealthy = containers.filter((container) => !isHealthy(container)).map(({ Name }) => Name);
  expect(unhealthy.length === 0, `not healthy: ${unhealthy.join(', ')}`);
  const published = containers
    .flatMap(({ Publishers }) => Publishers ?? [])
    .filter((port) => port.PublishedPort > 0);
  expect(published.length >= 3, 'fewer than three ports are published');
  expect(
    published.every(({ URL }) => URL === '127.0.0.1'),
    `published beyond this machine: ${JSON.stringify(published)}`,
  );
  if (stack.startOnly.length === 0) await grafanaRequiresSignIn(stack);
}

/** @param {Stack} stack */
async function grafanaRequiresSignIn(stack) {
  const show = 'docker compose exec grafana cat /run/grafana-secrets/admin-password';
  const password = (await stack.type(show)).trim();
  const authorization = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;
  const dashboard = '/api/dashboards/uid/lamplighter-overview';
  const port = stack.project.ports.GRAFANA_PORT;
  const signedIn = await request(port, dashboard, { headers: { authorization } });
  expect(signedIn.ok, `Grafana responds ${signedIn.status} for the overview dashboard`);
  const anonymous = await request(port, dashboard);
  expect(anonymous.status === 401, `Grafana responds ${anonymous.status} without a sign-in instead of 401`);
}

/** @param {Stack} stack */
export async function apiRequiresKey(stack) {
  stack.apiKey = (await stack.type('docker compose exec api node dist/create-key.js')).trim();
  expect((await stack.api('/v1/fleets')).status === 200, 'the API rejects the key that create-key printed');
  const log = await stack.project.compose(['logs', '--no-color']);
  expect(!/lamp_[0-9a-f]{12}[.]/.test(log), 'a container log contains an API key');
  const port = stack.project.ports.API_PORT;
  const anonymous = await request(port, '/v1/fleets');
  expect(anonymous.status === 401, `the API responds ${anonymous.status} without a key instead of 401`);
}
