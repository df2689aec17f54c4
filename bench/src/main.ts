// Measures Lamplighter against a plain reference on this machine, in one run, and prints Markdown. See ../README.md.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bed, makeBed } from './bed/bed.js';
import { startCeiling } from './bed/ceiling.js';
import { Generator } from './bed/generator.js';
import { startLamplighter } from './bed/lamplighter.js';
import { startReference } from './bed/reference.js';
import type { StartService } from './bed/service.js';
import { HelpWanted, type Options, readOptions, type ServiceName } from './options.js';
import type { Findings } from './report/findings.js';
import { describeMachine } from './report/machine.js';
import { findingsMarkdown, verdictsMarkdown } from './report/markdown.js';
import { judge, type Verdict } from './report/promises.js';
import { type FixedRate, measureAtRates } from './scenarios/fixed-rate.js';
import { type Flood, flood } from './scenarios/flood.js';
import { measure, type Setting } from './scenarios/measure.js';
import { findSustainedRates } from './scenarios/sustained-rate.js';
import type { Qos } from './wire/packets.js';

const START: Record<ServiceName, StartService> = {
  reference: startReference,
  lamplighter: startLamplighter,
  ceiling: startCeiling,
};

/** Every so many readings of a device one crosses the threshold: 5 % of all cause a command. */
const CROSSING_EVERY = 20;
const FULL = {
  warmUpSeconds: 2,
  search: { start: 12_000, growth: 1.5, resolution: 1.05, seconds: 8 },
  cpu: { seconds: 8, repeats: 3 },
  latency: { rates: [1000, 5000], seconds: 10, repeats: 6 },
  floodSeconds: 15,
};
const QUICK = {
  warmUpSeconds: 1,
  search: { start: 12_000, growth: 1.5, resolution: 1.15, seconds: 4 },
  cpu: { seconds: 5, repeats: 1 },
  latency: { rates: [1000, 5000], seconds: 5, repeats: 2 },
  floodSeconds: 10,
};
/** The reference must be able to keep up, or its cost per reading means nothing. */
const CPU_RATES: Record<Qos, number[]> = { 0: [10_000, 25_000], 1: [10_000, 20_000] };

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  const folder = mkdtempSync(join(tmpdir(), 'lamplighter-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

  console.log(
    `## Speed and memory\n\n${describeMachine(folder)
      .map((fact) => `- ${fact}`)
      .join('\n')}`,
  );
  console.log(`- ${settingOf(options)}`);
  const verdicts: Verdict[] = [];
  for (const qos of options.qos) {
    const findings = await measureAll(options, qos, join(folder, `qos-${qos}`));
    console.log(`\n${findingsMarkdown(findings)}`);
    verdicts.push(...judge(findings));
  }
  if (verdicts.length > 0) console.log(`\n${verdictsMarkdown(verdicts)}`);
  const missed = verdicts.filter(({ kept }) => !kept);
  for (const { promise, measured } of missed) console.error(`missed: ${promise} (${measured})`);
  return missed.length > 0 ? 1 : 0;
}

async function measureAll(options: Options, qos: Qos, folder: string): Promise<Findings> {
  const { scenarios, services, durability, quick, devices, connections, capacity } = options;
  const plan = quick ? QUICK : FULL;
  const beds: Bed[] = [];
  const generator = new Generator();
  try {
    for (const name of services) {
      beds.push(await makeBed({ name, start: START[name], qos, durability, folder: join(folder, name) }));
    }
    const setting: Setting = {
      generator,
      qos,
      devices,
      connections,
      crossingEvery: CROSSING_EVERY,
      warmUpSeconds: plan.warmUpSeconds,
      log: (line) => console.error(`  ${line}`),
    };
    const wants = (scenario: Options['scenarios'][number]) => scenarios.includes(scenario);
    const fixed = (rates: number[], at: { seconds: number; repeats: number }): Promise<FixedRate[]> =>
      measureAtRates(beds, setting, { rates, ...at });

    if (wants('latency')) await warmUp(beds, setting, plan.latency);
    const latency = wants('latency') ? await fixed(plan.latency.rates, plan.latency) : [];
    const cpu = wants('cpu') ? await fixed(CPU_RATES[qos], plan.cpu) : [];
    const mustSearch = wants('sustained') || (wants('flood') && capacity === undefined);
    const rates = mustSearch
      ? await findSustainedRates(beds, setting, plan.search)
      : new Map<string, number>();
    const floods: Flood[] = [];
    for (const bed of wants('flood') ? beds : []) {
      const rate = 2 * (capacity ?? rates.get(bed.name) ?? 0);
      floods.push(await flood(bed, setting, { rate, seconds: plan.floodSeconds }));
    }
    return { qos, sustained: rates, cpu, latency, floods };
  } finally {
    generator.stop();
    await Promise.all(beds.map((bed) => bed.stop()));
  }
}

/** The first seconds of a process measure its compiler: every service gets the same readings before its loop is timed. */
async function warmUp(
  beds: Bed[],
  setting: Setting,
  { rates, seconds }: { rates: number[]; seconds: number },
) {
  for (const bed of beds) await measure(bed, setting, { rate: Math.max(...rates), seconds: 2 * seconds });
}

function settingOf({ devices, connections, durability, quick }: Options): string {
  const store = durability === 'require' ? 'appendfsync always' : 'no append-only file';
  const kind = quick ? 'a quick look' : 'a full run';
  return `${kind}: ${devices} devices on ${connections} connections, 5 % of readings cause a command, Redis with ${store}, fixed schedule without randomness`;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    if (error instanceof HelpWanted) {
      console.log(error.message);
      process.exit(0);
    }
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(2);
  },
);
