// Attacks on the broker: joining the share group of rules, and connections that never log in.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectHeader, floodFromInside, IdleConnections, joinShareGroups } from '../attacks.mjs';
import { expect, until } from '../expect.mjs';
import { REPOSITORY } from '../project.mjs';
import { json } from '../requests.mjs';

/** @typedef {import('../stack.mjs').Stack} Stack */

/** Readings that are sent while the intruders are subscribed. */
const READINGS = 200;

/** @param {Stack} stack */
export async function shareGroupIntrudersGetNothing(stack) {
  const account = await demoAccount(stack);
  const port = stack.project.ports.MQTT_PORT;
  const intruders = await Promise.all(
    [1, 2, 3, 4, 5].map((n) => joinShareGroups(port, `intruder-${n}`, account)),
  );
  const refusal = await joinShareGroups(port, 'without-account').catch(String);
  expect(/with code 5$/.test(String(refusal)), `a client without an account is not refused: ${refusal}`);
  const readings = Array.from({ length: READINGS }, (_, n) => `{"light":${400 + n}}`);
  await stack.publish('sensor', readings.join("' '"));
  await until(
    'every reading to be stored',
    async () => {
      const { readings } = await json(stack.api('/v1/fleets/plant/devices/sensor/telemetry?limit=500'));
      return readings?.length === READINGS || `${readings?.length} of ${READINGS} are`;
    },
    20,
  );
  await stack.switchLamp();
  expect(
    intruders.every(({ received }) => received === 0),
    'an intruder received messages',
  );
  for (const intruder of intruders) intruder.leave();
}

/** Large reservations by clients that are not authenticated do not exhaust the memory of the broker. @param {Stack} stack */
export async function reservationsExhaustNoMemory(stack) {
  for (const length of [1_990_000, 299_000]) {
    const idle = await IdleConnections.open(stack.project.ports.MQTT_PORT, 553, connectHeader(length));
    try {
      await loopWorks(stack);
    } finally {
      idle.end();
    }
  }
  const log = await stack.project.compose(['logs', '--no-color', 'mosquitto']);
  expect(!/out of memory/i.test(log), 'the broker ran out of memory');
}

/**
 * Idle connections occupy every place that devices have: the broker refuses further devices, while connected devices and the services
 * continue. @param {Stack} stack
 */
export async function connectionLimitProtectsServices(stack) {
  const { project } = stack;
  const account = await demoAccount(stack);
  const [refusals, reconnects] = [await refusedConnections(stack), await reconnectsOfRules(stack)];
  const endFlood = await floodFromInside(project, maxConnections() + 50);
  try {
    await until(
      'the broker to report connections beyond its limit',
      async () => (await refusedConnections(stack)) > refusals || 'none is refused',
    );
    await deviceIsRefused(project.ports.MQTT_PORT, account);
    await loopWorks(stack);
    await deviceIsRefused(project.ports.MQTT_PORT, account);
  } finally {
    await endFlood();
  }
  expect((await reconnectsOfRules(stack)) === reconnects, 'rules lost its connection');
  await until('the broker to accept a device again', () =>
    stack.publish('pump', '{"light":413}').then(() => true),
  );
}

/** How often the broker has refused a connection because of the limit. @param {Stack} stack */
async function refusedConnections({ project }) {
  const log = await project.compose(['logs', '--no-color', 'mosquitto']);
  return log.match(/denied: max_connections exceeded/g)?.length ?? 0;
}

/** @param {Stack} stack */
async function reconnectsOfRules({ project }) {
  const show = `const authorization = 'Bearer ' + require('node:fs').readFileSync(process.env.METRICS_TOKEN_FILE, 'utf8').trim();
fetch('http://127.0.0.1:8081/metrics', { headers: { authorization } }).then(async (r) => console.log(await r.text()));`;
  const metrics = await project.inside('rules', ['node', '-e', show]);
  const counts = [...metrics.matchAll(/^lamplighter_mqtt_reconnects_total\S* (\d+)/gm)];
  expect(counts.length > 0, 'rules has no metric of its reconnects');
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** @param {number} port @param {{ user: string, password: string }} account */
async function deviceIsRefused(port, account) {
  const connected = await joinShareGroups(port, 'surplus', account).catch(() => undefined);
  connected?.leave();
  expect(connected === undefined, 'the connection limit is not reached: the broker accepts another device');
}

/** The limit of the devices' listener. */
function maxConnections() {
  const config = readFileSync(join(REPOSITORY, 'mosquitto/mosquitto.conf'), 'utf8');
  const [, limit] = /^max_connections (\d+)$/m.exec(config) ?? [];
  expect(limit !== undefined, 'mosquitto/mosquitto.conf has no max_connections');
  return Number(limit);
}

/** A connected lamp executes a command, and every service is ready. @param {Stack} stack */
async function loopWorks(stack) {
  await stack.switchLamp();
  for (const [service = '', port = ''] of [
    ['rules', '8081'],
    ['api', '8080'],
    ['device-sim', '8082'],
  ])
    await stack.project.inside(service, ['ready.sh', port]);
}

/** @param {Stack} stack */
async function demoAccount(stack) {
  const show = 'docker compose run --rm --entrypoint cat secrets /secrets/own/mqtt-demo';
  return { user: 'demo', password: (await stack.type(show)).trim() };
}
