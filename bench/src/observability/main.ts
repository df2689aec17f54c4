import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Generator } from '../bed/generator.js';
import { median } from '../measure/statistics.js';
import { describeMachine } from '../report/machine.js';
import { table } from '../report/markdown.js';
import type { Setting } from '../scenarios/measure.js';
import { type Costs, DEBUG, measureCost, SHIPPED, shareOf, WITHOUT } from './cost.js';
import { measureScrapes, type ScrapeFindings } from './scrapes.js';

const USAGE = `Usage: npm run bench:observability -- [options]
  --rate N            readings per second (20000)
  --seconds N         length of a trial (6)
  --rounds N          trials with and without metrics and logs, in turn (7)
  --scrape-seconds N  seconds of load in which scrapes are watched, every other one with scrapes (40); 0 leaves it out`;

/** What is promised. */
const LIMITS = { share: 0.05, scrapeMs: 100, holdMs: 10 };

/** What watching costs: CPU of metrics and logs per reading, and what a scrape does under full load. Exit code 1: a limit was missed. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rate: { type: 'string', default: '20000' },
      seconds: { type: 'string', default: '6' },
      rounds: { type: 'string', default: '7' },
      'scrape-seconds': { type: 'string', default: '40' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const folder = mkdtempSync(join(tmpdir(), 'lamplighter-bench-observability-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const generator = new Generator();
  const setting: Setting = {
    generator,
    qos: 0,
    devices: 2000,
    connections: 40,
    crossingEvery: 20,
    warmUpSeconds: 3,
    log: (line) => console.error(`  ${line}`),
  };
  const rate = Number(values.rate);
  try {
    console.log(
      `## What watching costs\n\n${describeMachine(folder).join('\n')}\n- ${rate} readings per second\n`,
    );
    const load = { rate, seconds: Number(values.seconds), rounds: Number(values.rounds) };
    const isCheap = load.rounds === 0 || reportCosts(await measureCost(folder, setting, load));
    const own = join(folder, 'scrapes');
    mkdirSync(own);
    const seconds = Number(values['scrape-seconds']);
    const isSwift = seconds === 0 || reportScrapes(await measureScrapes(own, setting, { rate, seconds }));
    return isCheap && isSwift ? 0 : 1;
  } finally {
    generator.stop();
  }
}

function reportCosts(costs: Costs): boolean {
  const rows = [SHIPPED, WITHOUT, DEBUG].map((name) => {
    const trials = costs.get(name) ?? [];
    const range = `${Math.min(...trials).toFixed(1)} to ${Math.max(...trials).toFixed(1)}`;
    return [name, median(trials).toFixed(1), range];
  });
  console.log(table(['rules service', 'CPU s per million readings', 'single trials'], rows));
  const share = shareOf(costs);
  return verdict(
    'metrics and logs are',
    `${(share * 100).toFixed(1)} %`,
    `${LIMITS.share * 100} %`,
    share <= LIMITS.share,
  );
}

function reportScrapes(findings: readonly ScrapeFindings[]): boolean {
  const header = [
    'scraped',
    'scrapes',
    'kB',
    'median ms',
    'p99 ms',
    'max ms',
    'longest hold of the loop, ms',
    'without scrapes',
  ];
  const rows = findings.map(
    ({ service, scrapes, bytes, medianMs, p99Ms, maxMs, scrapedHoldMs, quietHoldMs }) => [
      service,
      String(scrapes),
      (bytes / 1000).toFixed(1),
      ...[medianMs, p99Ms, maxMs, scrapedHoldMs, quietHoldMs].map((ms) => ms.toFixed(1)),
    ],
  );
  console.log(table(header, rows));
  const verdicts = findings.flatMap(({ service, p99Ms, scrapedHoldMs, quietHoldMs }) => {
    const held = scrapedHoldMs - quietHoldMs;
    return [
      verdict(
        `99 in 100 scrapes of ${service} take`,
        `${p99Ms.toFixed(1)} ms`,
        '100 ms',
        p99Ms < LIMITS.scrapeMs,
      ),
      verdict(
        `a scrape holds ${service} up for`,
        `${held.toFixed(1)} ms more`,
        '10 ms',
        held <= LIMITS.holdMs,
      ),
    ];
  });
  return verdicts.every((isMet) => isMet);
}

function verdict(what: string, value: string, limit: string, isMet: boolean): boolean {
  console.log(`- ${what} ${value}, at most ${limit}: ${isMet ? 'met' : 'MISSED'}`);
  return isMet;
}

process.exitCode = await main();
