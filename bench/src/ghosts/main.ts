// Runs the same outage on several designs that send commands to devices, and counts what goes wrong. See bench/README.md.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Design } from './designs/design.js';
import { LAMPLIGHTER, LAMPLIGHTER_PERSISTENT } from './designs/lamplighter.js';
import { NEST_EMIT } from './designs/nest-emit.js';
import { persistentSession } from './designs/persistent-session.js';
import { retainedCommands } from './designs/retained.js';
import { findViolations } from './outage/find-violations.js';
import { runOutage } from './outage/run-outage.js';
import { makeScript } from './outage/script.js';
import { type Row, violationsMarkdown, violationsText } from './report.js';

const USAGE = `Usage: npm run bench:ghosts -- [options]
  --seed N      the outage (1)
  --devices N   devices in it, 2 to 100 (20)
  --keep        keep the event logs and server logs, and print their folder`;

const DESIGNS: readonly Design[] = [
  retainedCommands(true),
  retainedCommands(false),
  persistentSession(
    { persistence: true },
    'The queue delivers everything in order: on, off, on, off. When it is full it drops the newest, although their sender gets a PUBACK. Messages in flight at the loss are delivered again.',
  ),
  persistentSession(
    { persistence: true, maxQueued: 10 },
    'A smaller limit reduces ghosts but loses more of the newest commands.',
  ),
  persistentSession(
    {},
    'A restart of the broker loses queues and subscriptions, so that later commands are not queued either.',
  ),
  NEST_EMIT,
  LAMPLIGHTER,
  LAMPLIGHTER_PERSISTENT,
];

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      devices: { type: 'string', default: '20' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const seed = wholeNumber('seed', values.seed, 0, 2 ** 32 - 1);
  const devices = wholeNumber('devices', values.devices, 2, 100);
  const folder = mkdtempSync(join(tmpdir(), 'lamplighter-ghosts-'));
  if (values.keep) console.error(`logs: ${folder}`);
  else process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

  const script = makeScript(seed, devices);
  const startedAt = Date.now();
  const run = async (design: Design, i: number): Promise<Row> => {
    const own = join(folder, String(i));
    mkdirSync(own);
    const report = (what: string) =>
      console.error(
        `${String(Math.round((Date.now() - startedAt) / 1000)).padStart(4)} s  ${design.name}: ${what}`,
      );
    const log = await runOutage(design, script, { devices, folder: own, report });
    report('done');
    writeFileSync(join(own, 'log.jsonl'), `${log.map((entry) => JSON.stringify(entry)).join('\n')}\n`);
    return { design, offences: findViolations(log) };
  };
  // In parallel, since they mostly wait; each has its own broker.
  const rows = await Promise.all(DESIGNS.map(run));
  console.log(violationsMarkdown(rows, script, { seed, devices }));
  const broken = rows.filter(({ design, offences }) => design.promised && offences.length > 0);
  for (const { design, offences } of broken)
    console.error(`failed: ${design.name} must have no ghosts\n${violationsText(offences)}`);
  return broken.length > 0 ? 1 : 0;
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max)
    throw new TypeError(`--${name}: must be a whole number from ${min} to ${max}\n${USAGE}`);
  return value;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(`bench:ghosts: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(2);
  },
);
