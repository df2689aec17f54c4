// Attacks on the broker: joining the share group of rules, and connections that never log in.
import { connectHeader, IdleConnections, joinShareGroups } from '../attacks.mjs';
import { expect, until } from '../expect.mjs';
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
