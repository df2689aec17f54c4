// Compares Lamplighter with its peers on this machine, in one run, and prints Markdown. See ../README.md.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HelpRequested, type Options, readOptions } from './options.js';
import { FULL, QUICK, withOverrides } from './plan.js';
import { compare } from './results/compare.js';
import { describeMachine } from './results/machine.js';
import type { Results } from './results/sample.js';
import { ratiosTable, resultsMarkdown } from './results/tables.js';
import { runBenchmark } from './run-benchmark.js';

const RESULTS = fileURLToPath(new URL('../results/', import.meta.url));

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  const folder = mkdtempSync(join(tmpdir(), 'lamplighter-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

  const started = Date.now();
  const log = (line: string) => {
    const seconds = Math.round((Date.now() - started) / 1000);
    console.error(`${String(seconds).padStart(5)} s  ${line}`);
  };
  const machine = describeMachine(folder);
  const plan = withOverrides(options.quick ? QUICK : FULL, options);
  const samples = await runBenchmark(options, plan, { folder, log });
  const results: Results = {
    startedAt: new Date(started).toISOString(),
    machine,
    settings: settingsOf(options),
    samples,
  };
  const comparisons = compare(samples, options.quick);
  const file = options.out ?? (options.quick ? undefined : newFile(results.startedAt));
  if (file !== undefined) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(results, undefined, 1)}\n`);
    log(`results: ${file}`);
  }
  console.log(options.quick ? ratiosTable(comparisons) : resultsMarkdown(results, comparisons));
  const missed = comparisons.filter(({ met }) => !met);
  for (const { goal, measured, limit } of missed)
    console.error(
      `missed: ${goal.title} ${JSON.stringify(goal.where)}: ${measured.toFixed(2)}, limit ${limit}`,
    );
  return missed.length > 0 ? 1 : 0;
}

function newFile(startedAt: string): string {
  return join(RESULTS, `${startedAt.slice(0, 19).replaceAll(':', '-')}.json`);
}

function settingsOf({ devices, connections, persistence, quick }: Options): string {
  const redis = persistence === 'always' ? 'with appendfsync always' : 'without persistence';
  return `${quick ? 'quick' : 'full'} run: ${devices} devices on ${connections} connections, Redis ${redis}`;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    if (error instanceof HelpRequested) {
      console.log(error.message);
      process.exit(0);
    }
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(2);
  },
);
