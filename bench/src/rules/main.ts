import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Bed, makeBed } from '../bed/bed.js';
import { Generator } from '../bed/generator.js';
import { startLamplighter } from '../bed/lamplighter.js';
import { median } from '../measure/statistics.js';
import { describeMachine } from '../report/machine.js';
import { table } from '../report/markdown.js';
import { measure, type Setting } from '../scenarios/measure.js';
import { DEVICES, LIMITS, VARIANTS } from './variants.js';

const USAGE = `Usage: npm run bench:rules -- [options]
  --rate N      readings per second (20000)
  --seconds N   length of a trial (6)
  --rounds N    trials of each set of rules, in turn (3)`;

/**
 * What rules cost: the CPU of the rules service and of its Redis per reading, with different sets of rules at the same rate, in
 * turn. No reading changes a verdict, so commands are not in it. Exit code 1 means that a limit was missed.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rate: { type: 'string', default: '20000' },
      seconds: { type: 'string', default: '6' },
      rounds: { type: 'string', default: '3' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const folder = mkdtempSync(join(tmpdir(), 'lamplighter-bench-rules-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

  const generator = new Generator();
  const beds: Bed[] = [];
  try {
    for (const [i, { name, rules }] of VARIANTS.entries()) {
      const own = join(folder, String(i));
      mkdirSync(own);
      const file = join(own, 'rules.json');
      writeFileSync(file, JSON.stringify({ rules }));
      const start = (surroundings: Parameters<typeof startLamplighter>[0]) =>
        startLamplighter(surroundings, file);
      beds.push(await makeBed({ name, start, qos: 0, durability: 'require', folder: own }));
    }
    const setting: Setting = {
      generator,
      qos: 0,
      devices: DEVICES,
      connections: 40,
      crossingEvery: Number.MAX_SAFE_INTEGER,
      warmUpSeconds: 3,
      log: (line) => console.error(`  ${line}`),
    };
    const costs = new Map<string, { service: number[]; redis: number[] }>();
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const bed of beds) {
        const load = { rate: Number(values.rate), seconds: Number(values.seconds) };
        const { cpuPerMillion, lost } = await measure(bed, setting, load);
        if (lost > 0) throw new Error(`${bed.name}: ${lost} readings were lost`);
        const cost = costs.get(bed.name) ?? { service: [], redis: [] };
        cost.service.push(cpuPerMillion.service!);
        cost.redis.push(cpuPerMillion.redis!);
        costs.set(bed.name, cost);
      }
    }
    return report(folder, values.rate, costs);
  } finally {
    generator.stop();
    for (const bed of beds) await bed.stop();
  }
}

function report(folder: string, rate: string, costs: Map<string, { service: number[]; redis: number[] }>) {
  const costOf = (name: string) => {
    const { service, redis } = costs.get(name)!;
    return median(service) + median(redis);
  };
  console.log(`## What rules cost\n\n${describeMachine(folder).join('\n')}\n- ${rate} readings per second\n`);
  console.log(
    table(
      ['rules', 'service, s per million readings', 'Redis', 'both', 'against no rule'],
      [...costs].map(([name, { service, redis }]) => [
        name,
        median(service).toFixed(1),
        median(redis).toFixed(1),
        costOf(name).toFixed(1),
        (costOf(name) / costOf('no rule')).toFixed(2),
      ]),
    ),
  );
  let missed = 0;
  for (const { of, to, most } of LIMITS) {
    const ratio = costOf(of) / costOf(to);
    const isMet = ratio <= most;
    if (!isMet) missed += 1;
    console.log(`- ${of} : ${to} = ${ratio.toFixed(2)}, at most ${most}: ${isMet ? 'met' : 'MISSED'}`);
  }
  return missed === 0 ? 0 : 1;
}

process.exitCode = await main();
