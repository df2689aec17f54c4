// Whether effect checks find burnt-out lamps, and only those: precision and recall against what the simulator knows.
// See bench/README.md.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { durationMs } from '@lamplighter/contracts/duration';
import { startMosquitto } from '@lamplighter/native/mosquitto';
import { startRedis } from '@lamplighter/native/redis';
import { generateSecret } from '@lamplighter/native/secrets';
import { launchService, untilReady } from '@lamplighter/native/service';
import { Redis } from 'ioredis';
import { freePort } from '../bed/free-port.js';
import { readChecks } from './read-checks.js';
import { effectsMarkdown } from './report.js';
import { burnsOutIn, score } from './score.js';

const FLEET = 'bench';
const USAGE = `Usage: npm run bench:effects -- [options]
  --devices N     lamps (200)
  --burnt SHARE   of them that are burnt out (0.1)
  --cycles N      simulated days (3)
  --day SECONDS   length of a simulated day (120)
  --interval MS   time between two readings of a lamp (1000)
  --seed N        which lamps are burnt out, the weather and the birds (1)
  --hold TIME     how long it must be dark before the rule believes it (6s)
  --within TIME   how long an effect is looked for (4s)
  --expect TEXT   the effect (light > last.light + 50)`;

/** Less than this is missed: exit code 1. */
const LIMIT = 0.95;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      devices: { type: 'string', default: '200' },
      burnt: { type: 'string', default: '0.1' },
      cycles: { type: 'string', default: '3' },
      day: { type: 'string', default: '120' },
      interval: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      hold: { type: 'string', default: '6s' },
      within: { type: 'string', default: '4s' },
      expect: { type: 'string', default: 'light > last.light + 50' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const withinMs = durationMs(values.within);
  if (withinMs === undefined) throw new TypeError(`--within: must be a duration such as 4s\n${USAGE}`);
  const folder = mkdtempSync(join(tmpdir(), 'lamplighter-effects-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

  const rulesFile = join(folder, 'rules.json');
  // A lamp is seen on its own sensor only while it is dark: the rule says when that is.
  const rule = {
    id: 'night-light',
    when: 'light < 60',
    clear: 'light > 300',
    hold: values.hold,
    then: { led_on: true },
    else: { led_on: false },
    effect: { expect: values.expect, within: values.within },
  };
  writeFileSync(rulesFile, JSON.stringify({ rules: [rule] }));
  const broker = await startMosquitto({
    folder: join(folder, 'mosquitto'),
    port: await freePort(),
    servicesPort: await freePort(),
    accounts: { rules: generateSecret(), [FLEET]: generateSecret() },
  });
  const redis = await startRedis({
    folder: join(folder, 'redis'),
    port: await freePort(),
    password: generateSecret(),
  });
  const env = { PATH: process.env.PATH, LOG_LEVEL: 'warn' };
  const rules = launchService({
    name: 'rules',
    port: await freePort(),
    logFile: join(folder, 'rules.log'),
    env: { ...env, MQTT_URL: broker.urlFor('rules'), REDIS_URL: redis.url, RULES_FILE: rulesFile },
  });
  await untilReady(rules);
  const journalFile = join(folder, 'journal.jsonl');
  const sim = launchService({
    name: 'device-sim',
    port: await freePort(),
    logFile: join(folder, 'device-sim.log'),
    env: {
      ...env,
      MQTT_URL: broker.urlFor(FLEET),
      FLEET,
      DEVICES: values.devices,
      DAY_SECONDS: values.day,
      INTERVAL_MS: values.interval,
      SEED: values.seed,
      BURNT: values.burnt,
      JOURNAL_FILE: journalFile,
    },
  });
  const store = new Redis(redis.url);
  try {
    await untilReady(sim);
    const days = Number(values.cycles);
    for (let day = 1; day <= days; day += 1) {
      await delay(Number(values.day) * 1000);
      console.error(`day ${day} of ${days} is over`);
    }
    await sim.stop();
    await delay(withinMs + 3000); // the last effects are judged
    const { commands, suspects } = await readChecks(store, FLEET);
    const burnsOut = burnsOutIn(readFileSync(journalFile, 'utf8'));
    const found = score(commands, burnsOut, withinMs);
    console.log(effectsMarkdown(rule, found, { devices: Number(values.devices), suspects, burnsOut }));
    const isKept = (found.precision ?? 0) >= LIMIT && (found.recall ?? 0) >= LIMIT;
    if (!isKept) console.error(`missed: precision and recall of at least ${LIMIT}`);
    return isKept ? 0 : 1;
  } finally {
    store.disconnect();
    await sim.stop();
    await rules.stop();
    await broker.stop();
    await redis.stop();
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(`bench:effects: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(2);
  },
);
