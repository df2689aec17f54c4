// Writes the results of a run into docs/: the pictures, and the tables of docs/performance.md.
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fillIn, readDoc, writeDocs } from '../documents/page.js';
import { compare } from '../results/compare.js';
import { drawPlots } from '../results/plots.js';
import type { Results } from '../results/sample.js';
import { ratiosTable, resultsMarkdown } from '../results/tables.js';

const PAGE = 'performance.md';
const PUBLISHED = fileURLToPath(new URL('../../results/published.json', import.meta.url));
const USAGE = `Usage: npm run bench:publish -- [FILE]
Draws docs/performance-*.svg and fills in the tables of docs/${PAGE} from the results of npm run bench in FILE, which becomes
bench/results/published.json. Without FILE it uses that file again.`;

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) console.log(USAGE);
  else publish(positionals[0]);
} catch (error) {
  console.error(`bench:publish: ${(error as Error).message}`);
  process.exitCode = 1;
}

function publish(file: string | undefined): void {
  if (file !== undefined) {
    mkdirSync(dirname(PUBLISHED), { recursive: true });
    copyFileSync(file, PUBLISHED);
  }
  const results = JSON.parse(readFileSync(PUBLISHED, 'utf8')) as Results;
  const comparisons = compare(results.samples, false);
  writeDocs(drawPlots(results.samples));
  const page = readDoc(PAGE);
  if (page === '') {
    console.error(`docs/${PAGE} does not exist; only the pictures were written`);
    return;
  }
  const tables = { 'bench results': resultsMarkdown(results, []), 'bench ratios': ratiosTable(comparisons) };
  writeDocs({
    [PAGE]: Object.entries(tables).reduce((text, [name, table]) => fillIn(text, name, table), page),
  });
}
