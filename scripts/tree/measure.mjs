// npm run measure:tree: the figures about the source tree in docs/architecture.md.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { REPOSITORY } from '../prepare.mjs';
import { figuresOf, filesOnTheWay, tableOf, withTable, wrongFigures } from './figures.mjs';

const HELP = `npm run measure:tree               print figures about the source tree
npm run measure:tree -- --update   write them to docs/architecture.md
npm run check:figures              fail if a figure there is off by more than 5 %, or a file on the path of a reading is missing`;
const PAGE = 'docs/architecture.md';
const GENERATED = /^docs\/api\/.*[.]json$/;
const TEST = /[.]test[.]ts$|(^|\/)test\/|(^|\/)test-kit\//;
const SOURCE = /(^|\/)(src|lua)\/.*[.](tsx?|lua)$/;

const { values: options } = parseArgs({
  options: { help: { type: 'boolean', short: 'h' }, check: { type: 'boolean' }, update: { type: 'boolean' } },
});
if (options.help) {
  console.log(HELP);
  process.exit(0);
}

const paths = execFileSync('git', ['ls-files', '*.ts', '*.tsx', '*.lua', '*.md'], {
  cwd: REPOSITORY,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(REPOSITORY, path)));
/** @param {(path: string) => boolean} wanted */
const files = (wanted) =>
  paths.filter(wanted).map((path) => ({ path, text: readFileSync(join(REPOSITORY, path), 'utf8') }));
const architecture = readFileSync(join(REPOSITORY, PAGE), 'utf8');
const figures = figuresOf({
  sources: files((path) => SOURCE.test(path) && !TEST.test(path)),
  tests: files((path) => path.endsWith('.ts') && TEST.test(path)),
  docs: files((path) => /^(docs\/.*|README.*)[.]md$/.test(path) && !GENERATED.test(path)),
  architecture,
});

if (options.update) writeFileSync(join(REPOSITORY, PAGE), withTable(architecture, figures));
else if (options.check) {
  const missing = filesOnTheWay(architecture).filter((path) => !existsSync(join(REPOSITORY, path)));
  const wrong = [...wrongFigures(architecture, figures), ...missing.map((path) => `${path} does not exist`)];
  for (const line of wrong) console.error(`${PAGE}: ${line}`);
  if (wrong.length > 0) {
    console.error('To update the figures: npm run measure:tree -- --update');
    process.exitCode = 1;
  }
} else console.log(tableOf(figures));
