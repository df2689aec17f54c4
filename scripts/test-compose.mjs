// npm run test:compose: runs docker-compose.yml for real, next to anything else on this machine, and takes it down again.
import { besiege, connectHeader, connectThief } from './compose/attacks.mjs';
import { blocksForContainers, blockUnder, DOCUMENTED } from './compose/documented.mjs';
import { ComposeProject, isWell, prepareEngine } from './compose/project.mjs';
import { expect, json, queryPrometheus, question, until } from './compose/questions.mjs';

/** @typedef {import('./compose/questions.mjs').Question} Question */

const SERVICES = ['rules', 'api', 'device-sim'];
const DEVICES_PER_REPLICA = 50;
/** Exit code of a container that did not end within its grace period. */
const KILLED = 137;
/** Readings that are sent while others try to take them. */
const READINGS = 200;
/** Together with the simulated lamps more than mosquitto/mosquitto.conf allows to devices. */
const CONNECTIONS = 3100;

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  console.log(
    'npm run test:compose    build and run docker-compose.yml on free ports, check it, take it down; needs Docker',
  );
  process.exit(0);
}
const project = await ComposeProject.onFreePorts();
/** What to start; all of it unless an image cannot be had on this machine. @type {string[]} */
let named = [];
let apiKey = '';
let plantPassword = '';
/** Taken before the restart, compared after it. */
let brokerUrl = '';
/** Documented commands that were typed. @type {Set<string>} */
const typed = new Set();
let passed = 0;
let engine = false;

/** Each step builds on those before it: the first that fails ends the run. @type {[promise: string, keep: () => Promise<void> | void][]} */
const STEPS = [
  ['an engine answers', engineAnswers],
  ['the file validates', () => project.compose(['config', '--quiet']).then()],
  ['the images build', () => project.compose(['--progress', 'plain', 'build'], 300_000).then()],
  ['everything comes up', () => up('docker compose up')],
  ['everything is healthy, published on 127.0.0.1 only', everythingIsHealthy],
  ['the API prints a key, and asks for it', apiKeyIsPrintedAndRequired],
  ['telemetry reaches the last state of every device', () => devicesAreOnline(DEVICES_PER_REPLICA)],
  ['rules answer telemetry with commands', rulesCommand],
  ['a command over REST switches its lamp', commandSwitchesLamp],
  [
    'Prometheus scrapes every service',
    () => prometheusSees({ rules: 1, api: 1, 'device-sim': 1, 'redis-exporter': 1, prometheus: 1 }),
  ],
  ['broker and Redis tell of themselves', brokerAndRedisTell],
  ['with --profile alerts, alerts reach Alertmanager', alertsAreSent],
  ['a fleet that is added has an account at the running broker', fleetIsAdded],
  ['five clients that join the share group take no reading away', thievesGetNothing],
  ['connections that never log in take nothing away', siegeTakesNothing],
  ['a fleet that is removed has no account', fleetIsRemoved],
  ['no service reaches what is not its own', servicesAreApart],
  ['the words of the runbooks work in containers', runbookWordsWork],
  ['the account of rules gets another password', rulesAreRenewed],
  ['what runbooks restart, recreate and scale comes back', restartsComeBack],
  [
    '--scale device-sim=3 --scale rules=2',
    () => up('docker compose up --scale device-sim=3 --scale rules=2'),
  ],
  ['three simulators share no device', () => devicesAreOnline(3 * DEVICES_PER_REPLICA)],
  ['Prometheus scrapes every replica', () => prometheusSees({ rules: 2, api: 1, 'device-sim': 3 })],
  ['everything stops in time, by itself', everythingStops],
  [
    'everything comes up again',
    () => project.compose(['--profile', 'alerts', 'down']).then(() => up('docker compose up')),
  ],
  ['the restart kept secrets, keys and devices', dataIsKept],
  ['every documented command was typed', everythingWasTyped],
  ['down -v leaves nothing', nothingIsLeft],
];

let interrupted = false;
for (const [signal, code] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
])) {
  process.once(signal, () => {
    interrupted = true;
    console.log('interrupted: taking everything down');
    takeDown().finally(() => process.exit(code));
  });
}

for (const [promise, keep] of STEPS) {
  const from = performance.now();
  const seconds = () => `${((performance.now() - from) / 1000).toFixed(1).padStart(6)} s`;
  try {
    await keep();
    passed++;
    console.log(`ok     ${seconds()}  ${promise}`);
  } catch (error) {
    // The handler of the signal ends the process.
    if (interrupted) await new Promise(() => {});
    console.log(`FAILED ${seconds()}  ${promise}\n${error instanceof Error ? error.message : error}`);
    console.log(await project.logsOfTheUnwell().catch(() => ''));
    break;
  }
}
await takeDown();
console.log(`${passed} passed, ${STEPS.length - passed} failed`);
process.exitCode = passed === STEPS.length ? 0 : 1;

async function engineAnswers() {
  const missing = await prepareEngine();
  engine = true;
  if (!missing.some((image) => image.startsWith('grafana/'))) return;
  console.log('       there is no image of Grafana on this machine: the rest runs without it');
  named = [...SERVICES, 'redis-exporter', 'prometheus'];
  for (const [command, { grafana }] of Object.entries(DOCUMENTED)) if (grafana) typed.add(command);
}

/** Types a command as the documentation has it (or what stands for it here); settles with what it printed. @param {string} command */
async function type(command, timeoutMs = 60_000) {
  const how = DOCUMENTED[command];
  expect(how !== undefined, `scripts/compose/documented.mjs has no ${command}`);
  typed.add(command);
  const text = how.typed ?? command;
  const isWhole = /^docker compose up\b/.test(text) && !text.endsWith(' mosquitto');
  return project.type(isWhole ? [text, ...named].join(' ') : text, timeoutMs);
}

/** @param {string} command */
async function up(command) {
  await type(command, 240_000);
}

async function everythingIsHealthy() {
  const containers = await project.containers();
  const unwell = containers.filter((container) => !isWell(container)).map(({ Name }) => Name);
  expect(unwell.length === 0, `not healthy: ${unwell.join(', ')}`);
  const open = containers
    .flatMap(({ Publishers }) => Publishers ?? [])
    .filter((port) => port.PublishedPort > 0);
  expect(open.length >= 3, 'too few ports are published');
  expect(
    open.every(({ URL }) => URL === '127.0.0.1'),
    `published beyond this machine: ${JSON.stringify(open)}`,
  );
  if (named.length > 0) return;
  const password = (await type('docker compose exec grafana cat /run/grafana-secrets/admin-password')).trim();
  const authorization = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;
  const dashboard = '/api/dashboards/uid/lamplighter-overview';
  const port = project.ports.GRAFANA_PORT;
  expect((await question(port, dashboard, { headers: { authorization } })).ok, 'Grafana lacks the dashboard');
  expect((await question(port, dashboard)).status === 401, 'Grafana shows the dashboard to anyone');
}

async function apiKeyIsPrintedAndRequired() {
  const log = await type("docker compose logs api | grep 'API key'");
  apiKey = /API key \(shown once\): (\S+)/.exec(log)?.[1] ?? '';
  expect(apiKey !== '', `no API key in the log of the api:\n${log}`);
  expect((await ask('/v1/fleets')).status === 200, 'the printed key is refused');
  const another = (await type('docker compose exec api node dist/create-key.js')).trim();
  const authorization = `Bearer ${another}`;
  const { status } = await question(project.ports.API_PORT, '/v1/fleets', { headers: { authorization } });
  expect(status === 200, 'another key is refused');
  const anonymous = await question(project.ports.API_PORT, '/v1/fleets');
  expect(anonymous.status === 401, `without a key the API answers ${anonymous.status} instead of 401`);
}

/** Ids of devices never repeat in the list: the store keeps one entry per device. @param {number} count */
async function devicesAreOnline(count) {
  await until(`${count} devices online`, async () => {
    const online = await prometheus('max(lamplighter_devices{state="online"})');
    return online === count || `${online} devices are online`;
  });
  const devices = await allDevices();
  expect(devices.length === count, `the fleet has ${devices.length} devices instead of ${count}`);
}

async function rulesCommand() {
  await until('a command of a rule', async () => {
    const commands = await prometheus(
      'sum(lamplighter_commands_total{source="rule",transition="succeeded"})',
    );
    return (commands ?? 0) > 0 || `${commands} commands of rules have succeeded`;
  });
}

/** The simulated day goes on: when a rule switches the same lamp at the same moment, the next attempt tells. */
async function commandSwitchesLamp() {
  const device = '/v1/fleets/demo/devices/lamp-0001';
  const isOn = async () => (await json(ask(device))).last.measurements.led_on;
  await until('the lamp to follow a command', async () => {
    const wanted = !(await isOn());
    const posted = await ask(`${device}/commands`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ action: { led_on: wanted } }),
    });
    if (posted.status !== 202) return `the command is answered ${posted.status}: ${await posted.text()}`;
    const command = posted.headers.get('location') ?? '';
    await until('the command to succeed', async () => {
      const { state } = await json(ask(command));
      return state === 'succeeded' || `it is ${state}`;
    });
    const reported = async () => (await isOn()) === wanted || `the lamp does not report led_on ${wanted}`;
    return until('the lamp to report it', reported, 5);
  });
}

/** @param {Record<string, number>} replicas */
async function prometheusSees(replicas) {
  for (const [job, count] of Object.entries(replicas)) {
    await until(`${count} targets of ${job}`, async () => {
      const targets = await prometheus(`sum(up{job="${job}"})`);
      return targets === count || `${targets} are up`;
    });
  }
}

async function brokerAndRedisTell() {
  for (const query of [
    'max(lamplighter_broker_clients)',
    'max(lamplighter_redis_used_memory_bytes)',
    'redis_up',
  ]) {
    await until(`a value of ${query}`, async () => {
      const value = await prometheus(query);
      return (value ?? 0) > 0 || `it is ${value}`;
    });
  }
}

/** Watchdog always fires, and takes the way of all other alerts. */
async function alertsAreSent() {
  await type('docker compose --profile alerts up', 120_000);
  await until('the alert that always fires', async () => {
    const alerts = await json(question(project.ports.ALERTMANAGER_PORT, '/api/v2/alerts'));
    const names = alerts.map(
      (/** @type {{ labels: Record<string, string> }} */ { labels }) => labels.alertname,
    );
    return names.includes('Watchdog') || `Alertmanager has ${names.join(', ') || 'none'}`;
  });
  const printed = await Promise.all(
    blocksForContainers('docs/runbooks/Watchdog.md').map((block) => project.type(block)),
  );
  expect(printed.join('').includes('Watchdog'), 'the runbook of Watchdog does not show it');
}

async function fleetIsAdded() {
  const printed = await type('docker compose run --rm secrets fleet add plant');
  plantPassword = /^password +(\S+)$/m.exec(printed)?.[1] ?? '';
  await until('the broker to take the account', () => publish('pump', '{"light":412}').then(() => true));
  await until('its reading to be stored', async () => {
    const { last } = await json(ask('/v1/fleets/plant/devices/pump'));
    return last?.measurements.light === 412 || `it is ${JSON.stringify(last)}`;
  });
  const reader = await type('docker compose run --rm secrets fleet add-reader plant');
  expect(/^user +plant[.]reader$/m.test(reader), `add-reader prints:\n${reader}`);
  const list = (await type('docker compose run --rm secrets fleet list')).trim().split('\n');
  expect(list.sort().join() === 'demo,plant,plant.reader', `the fleets are ${list}`);
}

/** Publishes readings with the account of the fleet plant, a line each. @param {string} device @param {string} lines */
function publish(device, lines) {
  const options = `-h 127.0.0.1 -u plant -P '${plantPassword}' -q 1 -t plant/telemetry/${device}`;
  return project.inside('mosquitto', ['sh', '-c', `printf '%s\\n' '${lines}' | mosquitto_pub ${options} -l`]);
}

async function thievesGetNothing() {
  const demo = (await type('docker compose run --rm --entrypoint cat secrets /secrets/own/mqtt-demo')).trim();
  const port = project.ports.MQTT_PORT;
  const thieves = await Promise.all(
    [1, 2, 3, 4, 5].map((n) => connectThief(port, `thief-${n}`, { user: 'demo', password: demo })),
  );
  const refused = await connectThief(port, 'without-account').catch(String);
  expect(/with code 5$/.test(String(refused)), `a client without an account is not refused: ${refused}`);
  await publish('sensor', Array.from({ length: READINGS }, (_, n) => `{"light":${400 + n}}`).join("' '"));
  await until(
    'every reading to be stored',
    async () => {
      const { readings } = await json(ask('/v1/fleets/plant/devices/sensor/telemetry?limit=500'));
      return readings?.length === READINGS || `${readings?.length} of ${READINGS} are`;
    },
    20,
  );
  await commandSwitchesLamp();
  expect(
    thieves.every(({ received }) => received === 0),
    'a thief was given messages',
  );
  for (const thief of thieves) thief.leave();
}

/** Three sieges, of which the last takes every connection that devices may have. */
async function siegeTakesNothing() {
  for (const [count, say] of /** @type {[number, Buffer?][]} */ ([
    [553, connectHeader(1_990_000)],
    [553, connectHeader(299_000)],
    [CONNECTIONS],
  ])) {
    const end = await besiege(project.ports.MQTT_PORT, count, say);
    try {
      await commandSwitchesLamp();
      await project.inside('rules', ['ready.sh', '8081']);
    } finally {
      end();
    }
  }
  const metrics = "fetch('http://127.0.0.1:8081/metrics').then(async (r) => console.log(await r.text()))";
  const reconnects = await project.inside('rules', ['node', '-e', metrics]);
  expect(!/^lamplighter_mqtt_reconnects_total\S* [1-9]/m.test(reconnects), 'rules lost its connection');
  const log = await project.compose(['logs', '--no-color', 'mosquitto']);
  expect(!/out of memory/i.test(log), 'the broker ran out of memory');
  await until('a place for a device', () => publish('pump', '{"light":413}').then(() => true));
}

async function fleetIsRemoved() {
  await type('docker compose run --rm secrets fleet remove plant');
  await until('the broker to refuse the account', () =>
    publish('pump', '{"light":414}').then(
      () => 'it takes it',
      () => /** @type {const} */ (true),
    ),
  );
  expect((await ask('/v1/fleets/plant', { method: 'DELETE' })).ok, 'the fleet cannot be deleted');
}

/** Each word once, as the pages use them. */
async function runbookWordsWork() {
  const page = 'docs/runbooks/README.md';
  const words = [
    ...['ready rules 8081', 'ready api 8080', 'ready device-sim 8082', 'api /v1/fleets', "ask 'up == 1'"],
    ...['sys uptime', "hear -t 'demo/telemetry/#' -C 2", 'redis ping', 'redis config get appendfsync'],
    ...['logs mosquitto | tail -n 1', 'logs redis | tail -n 1', 'logs rules | tail -n 1'],
  ];
  const printed = await project.type(
    [blockUnder(page, '## Before you type'), ...blocksForContainers(page), ...words].join('\n'),
  );
  for (const expected of [
    /"fleet":"demo"/,
    /"job":"rules"/,
    /uptime \d+ seconds/,
    /demo.telemetry.lamp-/,
    /^PONG$/m,
    /^always$/m,
  ])
    expect(expected.test(printed), `${expected} is missing in what the words print:\n${printed}`);
  expect(printed.match(/"status":"?(ready|ok)/g)?.length === 3, `not ready:\n${printed}`);
  await type('docker system df');
  await type('docker compose ps --all');
}

async function rulesAreRenewed() {
  const url = () => project.inside('rules', ['cat', '/run/rules-secrets/mqtt-url']);
  const before = new URL(await url());
  await type('docker compose run --rm secrets renew rules');
  await type('docker compose restart rules');
  const after = new URL(await url());
  expect(after.password !== before.password, 'the password is the same');
  const connects = (/** @type {URL} */ { password }) =>
    project.inside('mosquitto', [
      'mosquitto_sub',
      '-p',
      '1884',
      '-u',
      'rules',
      '-P',
      password,
      '-E',
      '-W',
      '3',
      '-t',
      'health',
    ]);
  await until('the broker to take the new password', () => connects(after).then(() => true));
  const old = await connects(before).catch(String);
  expect(/not authori[sz]ed/i.test(old), `the old password is not refused: ${old}`);
  await until('rules to be ready', () => project.inside('rules', ['ready.sh', '8081']).then(() => true), 30);
  await commandSwitchesLamp();
}

async function restartsComeBack() {
  await type('docker compose restart mosquitto');
  await type('docker compose restart redis');
  await type('docker compose up --detach --force-recreate secrets mosquitto', 120_000);
  await type('docker compose up --detach --scale rules=2', 120_000);
  await type('docker compose up --detach', 120_000);
  await until('everything to be healthy', () => everythingIsHealthy().then(() => true));
  await commandSwitchesLamp();
}

function everythingWasTyped() {
  const missing = Object.keys(DOCUMENTED).filter(
    (command) => !DOCUMENTED[command]?.untested && !typed.has(command),
  );
  expect(missing.length === 0, `not typed: ${missing.join('; ')}`);
}

async function servicesAreApart() {
  const reaches = [
    ['device-sim', 'redis'],
    ['api', 'mosquitto'],
  ];
  for (const [service = '', other = ''] of reaches) {
    const found = await project.inside(service, ['getent', 'hosts', other]).catch(() => '');
    expect(found === '', `${service} reaches ${other}`);
  }
  for (const service of SERVICES) {
    expect((await project.inside(service, ['id', '-u'])) === '1000', `${service} does not run as node`);
    const written = await project.inside(service, ['touch', '/app/x']).catch(() => 'refused');
    expect(written === 'refused', `${service} can change its own program`);
  }
  brokerUrl = await project.inside('device-sim', ['cat', '/run/device-sim-secrets/mqtt-url']);
}

async function everythingStops() {
  await project.compose(['--profile', 'alerts', 'stop'], 90_000);
  const badly = (await project.containers()).filter(
    ({ Service, ExitCode }) => ExitCode === KILLED || (SERVICES.includes(Service) && ExitCode !== 0),
  );
  const names = badly.map(({ Name, ExitCode }) => `${Name} with ${ExitCode}`);
  expect(badly.length === 0, `ended badly: ${names.join(', ')}`);
}

async function dataIsKept() {
  expect((await ask('/v1/fleets')).status === 200, 'the key is refused after the restart');
  const url = await project.inside('device-sim', ['cat', '/run/device-sim-secrets/mqtt-url']);
  expect(url === brokerUrl, "the devices' password is another one");
  const devices = await allDevices();
  expect(
    devices.length >= 3 * DEVICES_PER_REPLICA,
    `only ${devices.length} devices are known after the restart`,
  );
}

async function nothingIsLeft() {
  await takeDown();
  const remains = await project.remains();
  expect(remains.length === 0, `left behind: ${remains.join(' ')}`);
}

async function takeDown() {
  if (!engine) return;
  await project
    .compose(['--profile', 'alerts', 'down', '--volumes', '--rmi', 'local', '--remove-orphans'], 120_000)
    .catch((error) => {
      console.log(error.message);
    });
}

/** The ids of all devices of the fleet, page by page. */
async function allDevices() {
  /** @type {string[]} */
  const ids = [];
  let cursor = '';
  do {
    const page = await json(ask(`/v1/fleets/demo/devices?limit=100${cursor}`));
    for (const { device } of page.devices) ids.push(device);
    cursor = page.next ? `&cursor=${encodeURIComponent(page.next)}` : '';
  } while (cursor !== '');
  expect(new Set(ids).size === ids.length, 'a device is listed twice');
  return ids;
}

/** A request to the API with the key. @param {string} path @param {Question} [init] */
function ask(path, init = {}) {
  return question(project.ports.API_PORT, path, {
    ...init,
    headers: { ...init.headers, authorization: `Bearer ${apiKey}` },
  });
}

/** @param {string} query */
function prometheus(query) {
  return queryPrometheus(project.ports.PROMETHEUS_PORT, query);
}
