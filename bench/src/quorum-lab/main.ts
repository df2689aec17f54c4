import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runExperiment } from './experiment.js';
import { fillIn } from './page.js';
import { drawPicture } from './picture.js';
import { SCENARIOS, SEEDS, SIZES } from './scenarios.js';
import { plainTable, policyTable } from './tables.js';

/** Size of the fields in the page's tables and the picture. */
const SHOWN_SENSORS = 15;

const fileOf = (path: string) => fileURLToPath(new URL(`../../../docs/${path}`, import.meta.url));
const USAGE = `Usage: npm run lab:quorum -- [options]
  --check   write nothing; exit code 1 if docs/quorum.md or docs/quorum.svg differs from the results
Compares quorum policies on simulated sensors and writes docs/quorum.md and docs/quorum.svg.`;

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

const results = runExperiment(SCENARIOS, SIZES, SEEDS, (done) => process.stderr.write(`${done}\n`));
process.stdout.write(`${plainTable(results)}\n`);

const ofSize = results.filter(({ sensors }) => sensors === SHOWN_SENSORS);
const tables = {
  'lab false-on': policyTable(ofSize, 'falseOnMinutes'),
  'lab missed-on': policyTable(ofSize, 'missedMinutes'),
};
const title = `Floodlights decided by ${SHOWN_SENSORS} light sensors: wrong minutes a day`;
const written = new Map([
  [
    'quorum.md',
    Object.entries(tables).reduce(
      (page, [name, table]) => fillIn(page, name, table),
      readFileSync(fileOf('quorum.md'), 'utf8'),
    ),
  ],
  ['quorum.svg', drawPicture(ofSize, title)],
]);
for (const [file, content] of written) {
  if (!isCheck) writeFileSync(fileOf(file), content);
  else if (readFileSync(fileOf(file), 'utf8') !== content) {
    process.stderr.write(`docs/${file} is not what npm run lab:quorum makes\n`);
    process.exitCode = 1;
  }
}
