import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fillIn } from '../quorum-lab/page.js';
import { comparePolicies, SEEDS } from './compare-policies.js';
import { drawIntervals } from './interval-picture.js';
import { intervalTable } from './interval-table.js';
import { SKIES } from './light-curve.js';

const USAGE = `Usage: npm run lab:interval -- [options]
  --check   write nothing; exit code 1 if docs/telemetry-interval.md or its picture differs from the results
Compares fixed and adaptive telemetry intervals on simulated light and writes docs/telemetry-interval.md and docs/telemetry-interval.svg.`;

let isCheck = false;
try {
  const { values } = parseArgs({
    options: { check: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  isCheck = values.check === true;
} catch (error) {
  console.error(`${(error as Error).message}\n${USAGE}`);
  process.exit(2);
}

const fileOf = (name: string) => fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url));
const results = comparePolicies();
const ofSky = (sky: string) => intervalTable(results.filter((result) => result.sky === sky));
/** The page shows one sky; the terminal shows all. */
const SHOWN = 'sun and clouds';
const page = fillIn(readFileSync(fileOf('telemetry-interval.md'), 'utf8'), `lab ${SHOWN}`, ofSky(SHOWN));
const title = `Delay of a decision and readings a day, ${SEEDS} days of 24 hours`;
for (const { name } of SKIES) process.stdout.write(`\n${name}\n${ofSky(name)}\n`);
const written = { 'telemetry-interval.md': page, 'telemetry-interval.svg': drawIntervals(results, title) };
for (const [file, content] of Object.entries(written)) {
  if (!isCheck) writeFileSync(fileOf(file), content);
  else if (readFileSync(fileOf(file), 'utf8') !== content) {
    process.stderr.write(`docs/${file} is not what npm run lab:interval makes\n`);
    process.exitCode = 1;
  }
}
