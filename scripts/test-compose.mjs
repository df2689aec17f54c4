// npm run test:compose: runs docker-compose.yml under its own project name and on free ports, checks it, and removes it.
import { ComposeProject } from './compose/project.mjs';
import { DEVICES_PER_REPLICA, Stack } from './compose/stack.mjs';
import {
  fleetIsAdded,
  fleetIsRemoved,
  passwordsAreRotated,
  rulesPasswordIsRenewed,
} from './compose/steps/accounts.mjs';
import {
  connectionLimitProtectsServices,
  reservationsExhaustNoMemory,
  shareGroupIntrudersGetNothing,
} from './compose/steps/attacks.mjs';
import { containersAreConfined } from './compose/steps/containers.mjs';
import {
  alertsReachAlertmanager,
  brokerAndRedisHaveMetrics,
  devicesAreOnline,
  prometheusScrapes,
  rulesCommand,
} from './compose/steps/loop.mjs';
import {
  allDocumentedCommandsRan,
  allRecoverFromRestarts,
  allStopInTime,
  dataSurvives,
  nothingRemains,
  runbookFunctionsWork,
  servicesAreIsolated,
} from './compose/steps/operations.mjs';
import { secretsStaySecret } from './compose/steps/secrets.mjs';
import { allHealthyOnLoopback, apiRequiresKey, engineResponds } from './compose/steps/start.mjs';

/** @typedef {[title: string, run: (stack: Stack) => Promise<void> | void]} Step */

/** Each step builds on those before it; the first failure ends the run. @type {readonly Step[]} */
const STEPS = [
  ['a Docker engine responds', engineResponds],
  ['the compose file is valid', ({ project }) => project.compose(['config', '--quiet']).then()],
  ['the images build', ({ project }) => project.compose(['--progress', 'plain', 'build'], 300_000).then()],
  ['all services start', (stack) => stack.up('docker compose up')],
  ['all services are healthy and published on 127.0.0.1 only', allHealthyOnLoopback],
  ['the API requires a key, which no log contains', apiRequiresKey],
  [
    'telemetry updates the last state of every device',
    (stack) => devicesAreOnline(stack, DEVICES_PER_REPLICA),
  ],
  ['rules turn telemetry into commands', rulesCommand],
  ['a command over REST switches its lamp', (stack) => stack.switchLamp()],
  [
    'Prometheus scrapes every service',
    (stack) =>
      prometheusScrapes(stack, { rules: 1, api: 1, 'device-sim': 1, 'redis-exporter': 1, prometheus: 1 }),
  ],
  ['the broker and Redis have metrics', brokerAndRedisHaveMetrics],
  ['with --profile alerts, alerts reach Alertmanager', alertsReachAlertmanager],
  ['a new fleet gets an account at the running broker', fleetIsAdded],
  ['clients that try to join the share group receive no readings', shareGroupIntrudersGetNothing],
  ['clients without an account cannot exhaust the memory of the broker', reservationsExhaustNoMemory],
  ['at the connection limit, connected devices and services still work', connectionLimitProtectsServices],
  ['a removed fleet loses its account', fleetIsRemoved],
  ['services reach only the networks they need', servicesAreIsolated],
  ['no process, log or image contains a secret', secretsStaySecret],
  ['containers have no more rights and resources than they need', containersAreConfined],
  ['the functions of the runbooks work with containers', runbookFunctionsWork],
  ['all services take over new passwords without a restart', passwordsAreRotated],
  ['the account of rules gets a new password', rulesPasswordIsRenewed],
  ['services recover after restart, recreate and scale', allRecoverFromRestarts],
  [
    '--scale device-sim=3 --scale rules=2 starts more replicas',
    (stack) => stack.up('docker compose up --scale device-sim=3 --scale rules=2'),
  ],
  ['three simulators share no device', (stack) => devicesAreOnline(stack, 3 * DEVICES_PER_REPLICA)],
  [
    'Prometheus scrapes every replica',
    (stack) => prometheusScrapes(stack, { rules: 2, api: 1, 'device-sim': 3 }),
  ],
  ['all services stop within their grace period', allStopInTime],
  [
    'all services start again',
    (stack) =>
      stack.project.compose(['--profile', 'alerts', 'down']).then(() => stack.up('docker compose up')),
  ],
  ['secrets, keys and devices survive the restart', dataSurvives],
  ['every documented command ran', allDocumentedCommandsRan],
  ['down -v removes everything', nothingRemains],
];

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  console.log(
    'npm run test:compose    build and run docker-compose.yml on free ports, check it, remove it; needs Docker',
  );
  process.exit(0);
}
const stack = new Stack(await ComposeProject.onFreePorts());
let passed = 0;
let interrupted = false;
for (const [signal, code] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
])) {
  process.once(signal, () => {
    interrupted = true;
    console.log('interrupted: removing the containers');
    stack.takeDown().finally(() => process.exit(code));
  });
}

for (const [title, run] of STEPS) {
  const startedAt = performance.now();
  const seconds = () => `${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s`;
  try {
    await run(stack);
    passed++;
    console.log(`ok     ${seconds()}  ${title}`);
  } catch (error) {
    // The signal handler ends the process.
    if (interrupted) await new Promise(() => {});
    console.log(`FAILED ${seconds()}  ${title}\n${error instanceof Error ? error.message : error}`);
    console.log(await stack.project.logsOfUnhealthy().catch(() => ''));
    break;
  }
}
await stack.takeDown();
console.log(`${passed} passed, ${STEPS.length - passed} failed`);
process.exitCode = passed === STEPS.length ? 0 : 1;
