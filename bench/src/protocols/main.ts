// Measures the lesson's loop over MQTT, HTTP and AMQP: bytes, packets, latency and the effect of an outage. See docs/lesson.md.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../testbed/free-port.js';
import { StockBroker } from '../testbed/stock-broker.js';
import { amqpExchange, startRabbitMq, whyNoAmqp } from './amqp-exchange.js';
import { httpExchange } from './http-exchange.js';
import { mqttExchange } from './mqtt-exchange.js';
import { protocolsMarkdown } from './report.js';
import { type Measured, runExchange, type Script } from './run-exchange.js';

const USAGE = `Usage: npm run bench:protocols -- [options]
  --interval MS   time between readings (100)
Sends 100 readings and 10 commands over each protocol, in about two minutes. AMQP requires the Debian packages rabbitmq-server and python3-pika.`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { interval: { type: 'string', default: '100' }, help: { type: 'boolean', default: false } },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const intervalMs = Number(values.interval);
  if (!(intervalMs >= 10 && intervalMs <= 10_000))
    throw new TypeError(`--interval must be from 10 to 10000\n${USAGE}`);
  const script: Script = { readings: 100, commands: 10, intervalMs, duringOutage: 3 };
  const folder = mkdtempSync(join(tmpdir(), 'lamplighter-protocols-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

  const mosquitto = new StockBroker(await freePort(), join(folder, 'mosquitto'), {});
  await mosquitto.start();
  const web = await freePort();
  const exchanges = [
    mqttExchange(mosquitto.port, 4, 0),
    mqttExchange(mosquitto.port, 4, 1),
    mqttExchange(mosquitto.port, 5, 0),
    mqttExchange(mosquitto.port, 5, 1),
    httpExchange(web, true, 1),
    httpExchange(web, true, 10),
    httpExchange(web, false, 1),
    httpExchange(web, false, 10),
  ];
  const missing = whyNoAmqp();
  if (missing !== undefined) console.error(missing);
  const amqp = await freePort();
  const rabbit = missing === undefined ? await startRabbitMq(amqp, folder) : undefined;
  if (rabbit !== undefined) exchanges.push(amqpExchange(amqp, 'transient'), amqpExchange(amqp, 'durable'));

  const rows: Measured[] = [];
  for (const exchange of exchanges) {
    console.error(exchange.name);
    rows.push(await runExchange(exchange, script));
  }
  await Promise.all([mosquitto.stop(), rabbit?.stop()]);
  console.log(protocolsMarkdown(rows, script));
  const lost = rows.filter(
    ({ readings, latenciesMs }) => readings < script.readings || latenciesMs.length < script.commands,
  );
  for (const { name, readings, latenciesMs } of lost)
    console.error(`${name}: ${readings} readings and ${latenciesMs.length} commands arrived`);
  return lost.length > 0 ? 1 : 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(`bench:protocols: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(2);
  },
);
