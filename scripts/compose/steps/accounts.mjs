// Accounts of the broker: fleets, readers, and a new password for rules.
import { expect, until } from '../expect.mjs';
import { json } from '../requests.mjs';

/** @typedef {import('../stack.mjs').Stack} Stack */

/** @param {Stack} stack */
export async function fleetIsAdded(stack) {
  const printed = await stack.type('docker compose run --rm secrets fleet add plant');
  stack.plantPassword = /^password +(\S+)$/m.exec(printed)?.[1] ?? '';
  await until('the broker to accept the account', () =>
    stack.publish('pump', '{"light":412}').then(() => true),
  );
  await until('its reading to be stored', async () => {
    const { last } = await json(stack.api('/v1/fleets/plant/devices/pump'));
    return last?.measurements.light === 412 || `the last state is ${JSON.stringify(last)}`;
  });
  const reader = await stack.type('docker compose run --rm secrets fleet add-reader plant');
  expect(/^user +plant[.]reader$/m.test(reader), `add-reader prints:\n${reader}`);
  const list = (await stack.type('docker compose run --rm secrets fleet list')).trim().split('\n');
  expect(list.sort().join() === 'demo,plant,plant.reader', `the fleets are ${list}`);
}

/** @param {Stack} stack */
export async function fleetIsRemoved(stack) {
  await stack.type('docker compose run --rm secrets fleet remove plant');
  await until('the broker to refuse the account', () =>
    stack.publish('pump', '{"light":414}').then(
      () => 'it accepts the account',
      () => /** @type {const} */ (true),
    ),
  );
  const { ok, status } = await stack.api('/v1/fleets/plant', { method: 'DELETE' });
  expect(ok, `the API responds ${status} to the removal of the fleet`);
}

/** All services continue without a restart, and the earlier passwords are refused. @param {Stack} stack */
export async function passwordsAreRotated(stack) {
  const { project } = stack;
  const urlOf = (/** @type {string} */ service, /** @type {string} */ kind) =>
    project.inside(service, ['cat', `/run/${service}-secrets/${kind}-url`]).then((url) => new URL(url));
  const earlier = { redis: await urlOf('api', 'redis'), mqtt: await urlOf('rules', 'mqtt') };
  const startedAt = await startTimes(stack);
  let isRotating = true;
  /** @type {string[]} */
  const failures = [];
  const requests = (async () => {
    while (isRotating) {
      const status = await stack.api('/v1/fleets').then(({ status }) => status, String);
      if (status !== 200) failures.push(String(status));
    }
  })();
  await stack.type('docker compose run --rm secrets rotate');
  isRotating = false;
  await requests;
  if (failures.length > 0) {
    const logs = await project.compose(['logs', '--no-color', '--since', '1m', 'redis', 'api']);
    expect(
      false,
      `${failures.length} requests to the API failed, first with ${failures.slice(0, 5)}\n${logs.slice(-8000)}`,
    );
  }
  const signIn = 'redis-cli --user "$0" --askpass ping';
  const asEarlier = () =>
    project.inside('redis', [
      'sh',
      '-c',
      `echo "$1" | ${signIn} 2>&1`,
      earlier.redis.username,
      earlier.redis.password,
    ]);
  await until('Redis to refuse the earlier password', async () => {
    const reply = await asEarlier().catch(String);
    return /WRONGPASS|NOAUTH/.test(reply) || reply;
  });
  const options = ['-p', '1884', '-u', 'rules', '-P', earlier.mqtt.password, '-E', '-W', '3', '-t', 'health'];
  const refusal = await project.inside('mosquitto', ['mosquitto_sub', ...options]).catch(String);
  expect(/not authori[sz]ed/i.test(refusal), `the broker accepts the earlier password: ${refusal}`);
  for (const kind of /** @type {const} */ (['redis', 'mqtt'])) {
    const now = await urlOf(kind === 'redis' ? 'api' : 'rules', kind);
    expect(now.password !== earlier[kind].password, `the password at ${kind} is unchanged`);
  }
  await stack.switchLamp();
  await until('Prometheus to scrape with the new token', async () => {
    const up = await stack.prometheus('min(up{job=~"rules|api|device-sim"})');
    return up === 1 || `up is ${up}`;
  });
  expect((await startTimes(stack)) === startedAt, 'a service restarted');
}

/** When the services started, as one text. @param {Stack} stack */
async function startTimes({ project }) {
  const running = (await project.inspect()).filter(({ State }) => State.Running);
  return running
    .map(({ Name, State }) => `${Name} ${State.StartedAt}`)
    .sort()
    .join('\n');
}

/** @param {Stack} stack */
export async function rulesPasswordIsRenewed(stack) {
  const { project } = stack;
  const url = () => project.inside('rules', ['cat', '/run/rules-secrets/mqtt-url']);
  const before = new URL(await url());
  await stack.type('docker compose run --rm secrets renew rules');
  await stack.type('docker compose restart rules');
  const after = new URL(await url());
  expect(after.password !== before.password, 'the password is unchanged');
  const connect = (/** @type {URL} */ { password }) => {
    const account = ['-p', '1884', '-u', 'rules', '-P', password];
    return project.inside('mosquitto', ['mosquitto_sub', ...account, '-E', '-W', '3', '-t', 'health']);
  };
  await until('the broker to accept the new password', () => connect(after).then(() => true));
  const withOld = await connect(before).catch(String);
  expect(/not authori[sz]ed/i.test(withOld), `the old password is not rejected: ${withOld}`);
  await until('rules to be ready', () => project.inside('rules', ['ready.sh', '8081']).then(() => true), 30);
  await stack.switchLamp();
}
