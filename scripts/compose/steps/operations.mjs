// What an operator does: runbook commands, restarts, stops, scaling and removal.
import { blocksForContainers, blockUnder, DOCUMENTED } from '../documented-commands.mjs';
import { expect, until } from '../expect.mjs';
import { DEVICES_PER_REPLICA, SERVICES } from '../stack.mjs';
import { allHealthyOnLoopback } from './start.mjs';

/** @typedef {import('../stack.mjs').Stack} Stack */

/** Exit code of a container that did not stop within its grace period. */
const KILLED = 137;

/** Calls each function of the runbooks once. @param {Stack} stack */
export async function runbookFunctionsWork(stack) {
  const page = 'docs/runbooks/README.md';
  const calls = [
    ...['ready rules 8081', 'ready api 8080', 'ready device-sim 8082', 'api /v1/fleets', "ask 'up == 1'"],
    ...['sys uptime', "hear -t 'demo/telemetry/#' -C 2", 'redis ping', 'redis config get appendfsync'],
    ...['logs mosquitto | tail -n 1', 'logs redis | tail -n 1', 'logs rules | tail -n 1'],
  ];
  const printed = await stack.project.type(
    [blockUnder(page, '## Before you type'), ...blocksForContainers(page), ...calls].join('\n'),
  );
  for (const expected of [
    /"fleet":"demo"/,
    /"job":"rules"/,
    /uptime \d+ seconds/,
    /demo.telemetry.lamp-/,
    /^PONG$/m,
    /^always$/m,
  ])
    expect(expected.test(printed), `${expected} is missing in the output:\n${printed}`);
  expect(printed.match(/"status":"?(ready|ok)/g)?.length === 3, `not ready:\n${printed}`);
  await stack.type('docker system df');
  await stack.type('docker compose ps --all');
}

/** @param {Stack} stack */
export async function allRecoverFromRestarts(stack) {
  await stack.type('docker compose restart mosquitto');
  await stack.type('docker compose restart redis');
  await stack.type('docker compose up --detach --force-recreate secrets mosquitto', 120_000);
  await stack.type('docker compose up --detach --scale rules=2', 120_000);
  await stack.type('docker compose up --detach', 120_000);
  await until('all services to be healthy', () => allHealthyOnLoopback(stack).then(() => true));
  await stack.switchLamp();
}

/** @param {Stack} stack */
export async function servicesAreIsolated(stack) {
  const { project } = stack;
  const forbidden = [
    ['device-sim', 'redis'],
    ['api', 'mosquitto'],
    ['device-sim', 'alertmanager'],
    ['rules', 'alertmanager'],
    ['mosquitto', 'redis'],
    ['mosquitto', 'prometheus'],
    ['redis', 'prometheus'],
    ['redis', 'mosquitto'],
  ];
  for (const [service = '', other = ''] of forbidden) {
    const found = await project.inside(service, ['getent', 'hosts', other]).catch(() => '');
    expect(found === '', `${service} can resolve ${other}`);
  }
  for (const service of SERVICES) {
    expect((await project.inside(service, ['id', '-u'])) === '1000', `${service} does not run as node`);
    const written = await project.inside(service, ['touch', '/app/x']).catch(() => 'refused');
    expect(written === 'refused', `${service} can change its own code`);
  }
  stack.brokerUrl = await project.inside('device-sim', ['cat', '/run/device-sim-secrets/mqtt-url']);
}

/** @param {Stack} stack */
export async function allStopInTime(stack) {
  await stack.project.compose(['--profile', 'alerts', 'stop'], 90_000);
  const failed = (await stack.project.containers()).filter(
    ({ Service, ExitCode }) => ExitCode === KILLED || (SERVICES.includes(Service) && ExitCode !== 0),
  );
  const names = failed.map(({ Name, ExitCode }) => `${Name} (${ExitCode})`);
  expect(failed.length === 0, `unexpected exit codes: ${names.join(', ')}`);
}

/** @param {Stack} stack */
export async function dataSurvives(stack) {
  expect((await stack.api('/v1/fleets')).status === 200, 'the API rejects the key after the restart');
  const url = await stack.project.inside('device-sim', ['cat', '/run/device-sim-secrets/mqtt-url']);
  expect(url === stack.brokerUrl, 'the password of the devices has changed');
  const { length } = await stack.deviceIds();
  expect(length >= 3 * DEVICES_PER_REPLICA, `only ${length} devices are left after the restart`);
}

/** @param {Stack} stack */
export function allDocumentedCommandsRan(stack) {
  const missing = Object.keys(DOCUMENTED).filter(
    (command) => !DOCUMENTED[command]?.untested && !stack.typed.has(command),
  );
  expect(missing.length === 0, `did not run: ${missing.join('; ')}`);
}

/** @param {Stack} stack */
export async function nothingRemains(stack) {
  await stack.takeDown();
  const remains = await stack.project.remains();
  expect(remains.length === 0, `not removed: ${remains.join(' ')}`);
}
