// Measures the loop of an honest fleet while another account floods the broker. See bench/README.md.
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startMosquitto } from '@lamplighter/native/servers/mosquitto';
import { startRedis } from '@lamplighter/native/servers/redis';
import { launchService, untilReady } from '@lamplighter/native/servers/service';
import { generateSecret } from '@lamplighter/native/state/secrets';
import { BrokerConnection } from '../load/connection.js';
import { percentile } from '../measure/statistics.js';
import { freePort } from '../testbed/free-port.js';
import { publishPacket } from '../wire/packets.js';
import { FLOODS, type Flood } from './floods.js';

const DEVICES = 50;
/** Loops per second of the honest fleet. */
const RATE = 100;
const MEASURED_MS = 10_000;
/** Time for a flood to use up its bursts, and for the broker's queues to become empty after it, ms. */
const SETTLE_MS = 6000;

/** Devices whose readings alternate between dark and bright, so that each one causes a command. */
class HonestFleet {
  private readonly pending = new Map<string, number>();
  private latencies: number[] = [];
  private turn = 0;

  private constructor(private readonly connection: () => BrokerConnection) {}

  static async connect(url: string): Promise<HonestFleet> {
    const fleet: HonestFleet = new HonestFleet(() => connection);
    const connection = await BrokerConnection.open(
      url,
      'honest',
      ({ chunk, topicStart, topicEnd }) => fleet.receive(chunk.toString('latin1', topicStart, topicEnd)),
      (error) => {
        throw error;
      },
    );
    await connection.subscribe('honest/commands/+', 1);
    return fleet;
  }

  /** Loops over a period, milliseconds each; a loop without a command counts as its whole time. */
  async measure(ms: number): Promise<number[]> {
    this.latencies = [];
    this.pending.clear();
    const startedAt = performance.now();
    for (let n = 0; n < (ms * RATE) / 1000; n += 1) {
      const wait = startedAt + (n * 1000) / RATE - performance.now();
      if (wait > 0) await delay(wait);
      this.send();
    }
    await delay(1000);
    return [...this.latencies, ...[...this.pending.values()].map((at) => performance.now() - at)];
  }

  private send(): void {
    const device = `lamp-${this.turn % DEVICES}`;
    const light = Math.floor(this.turn / DEVICES) % 2 === 0 ? 100 : 900;
    this.turn += 1;
    this.pending.set(device, performance.now());
    const connection = this.connection();
    connection.write(
      publishPacket(
        `honest/telemetry/${device}`,
        Buffer.from(`{"light":${light}}`),
        1,
        connection.packetId(),
      ),
    );
  }

  private receive(topic: string): void {
    const device = topic.split('/')[2]!;
    const sentAt = this.pending.get(device);
    if (sentAt === undefined) return;
    this.pending.delete(device);
    this.latencies.push(performance.now() - sentAt);
  }
}

/** Runs a flood; the result ends it and returns how many messages it sent per second. */
function startFlood(url: string, flood: Flood): () => number {
  const child = fork(fileURLToPath(new URL('flooder/main.js', import.meta.url)), [], {
    serialization: 'advanced',
  });
  let sent = 0;
  const startedAt = performance.now();
  child.on('message', (count: number) => {
    sent = count;
  });
  child.send({ url, fleet: 'hostile', flood });
  return () => {
    child.disconnect();
    return (sent * 1000) / (performance.now() - startedAt);
  };
}

const USAGE = `npm run bench:fairness
Measures the loop of an honest fleet while another account floods the broker, in about three minutes.`;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { help: { type: 'boolean', default: false } } });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'lamplighter-fairness-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const accounts = { rules: generateSecret(), honest: generateSecret(), hostile: generateSecret() };
  const [port, servicesPort] = [await freePort(), await freePort()];
  const broker = await startMosquitto({ folder: join(folder, 'mosquitto'), port, servicesPort, accounts });
  const redis = await startRedis({
    folder: join(folder, 'redis'),
    port: await freePort(),
    accounts: { admin: generateSecret(), rules: generateSecret(), api: generateSecret() },
  });
  const { PATH, DEVICE_RATE, FLEET_RATE } = process.env;
  const rules = launchService({
    name: 'rules',
    port: await freePort(),
    logFile: join(folder, 'rules.log'),
    env: {
      PATH,
      DEVICE_RATE,
      FLEET_RATE,
      MQTT_URL: broker.urlFor('rules'),
      REDIS_URL: redis.urlFor('rules'),
      LOG_LEVEL: 'warn',
    },
  });
  await untilReady(rules);
  const readings = async (result: string) => {
    const text = await (await fetch(`${rules.url}/metrics`)).text();
    const line = new RegExp(
      `^lamplighter_telemetry_messages_total{[^}]*result="${result}"[^}]*} (\\S+)$`,
      'm',
    );
    return Number(line.exec(text)?.[1] ?? 0);
  };
  const honest = await HonestFleet.connect(broker.urlFor('honest'));
  const measure = async () => {
    const [stored, refused] = [await readings('accepted'), await readings('rejected')];
    const loops = await honest.measure(MEASURED_MS);
    const perSecond = (count: number) => Math.round((count * 1000) / MEASURED_MS);
    return {
      p50: percentile(loops, 0.5),
      p99: percentile(loops, 0.99),
      stored: perSecond((await readings('accepted')) - stored),
      refused: perSecond((await readings('rejected')) - refused),
    };
  };
  await honest.measure(2000);
  console.log(
    '| flood | messages/s | stored/s | refused/s | p50 ms | p99 ms | p99 before |\n|---|---|---|---|---|---|---|',
  );
  for (const flood of FLOODS) {
    const before = await measure();
    const end = startFlood(broker.urlFor('hostile'), flood);
    await delay(SETTLE_MS);
    const during = await measure();
    const rate = end();
    console.log(
      `| ${[flood.name, rate.toFixed(0), during.stored, during.refused, during.p50.toFixed(1), during.p99.toFixed(1), before.p99.toFixed(1)].join(' | ')} |`,
    );
    await delay(SETTLE_MS);
  }
  await rules.stop();
  await Promise.all([broker.stop(), redis.stop()]);
}

main().then(
  () => process.exit(),
  (error: unknown) => {
    console.error(error);
    process.exit(2);
  },
);
