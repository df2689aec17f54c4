// npm run check:language: rejects wording that docs/glossary.md or scripts/language/wording.mjs bans, in all tracked sources and documents, and
// translations whose structure differs from the original.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { REPOSITORY } from '../prepare.mjs';
import { find } from './find.mjs';
import { differences } from './translation.mjs';
import { bannedBy, WORDING } from './wording.mjs';

const HELP =
  'npm run check:language        reject banned wording, and translations that differ from their original';
const TRANSLATIONS = [
  ['README.md', 'README.ko.md'],
  ['docs/lesson.md', 'docs/lesson.ko.md'],
];
/** The lists of banned words, and their tests. */
const NOT_READ = /^scripts\/language\/|^test\/system\/documentation\/language[.]test[.]ts$/;

/** @param {string} path */
const read = (path) => readFileSync(join(REPOSITORY, path), 'utf8');
const { values: options } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } });
if (options.help) {
  console.log(HELP);
  process.exit(0);
}

const wordings = [...WORDING, ...bannedBy(read('docs/glossary.md'))];
/** @type {import('./find.mjs').Allowed[]} */
const allowed = JSON.parse(read('scripts/language/allowed.json'));
const patterns = ['*.ts', '*.tsx', '*.lua', '*.mjs', '*.md', '*.yml', '*.py'];
const files = execFileSync('git', ['ls-files', ...patterns], { cwd: REPOSITORY, encoding: 'utf8' })
  .split('\n')
  .filter((path) => path !== '' && !NOT_READ.test(path) && existsSync(join(REPOSITORY, path)));

const problems = files.flatMap((path) =>
  find(path, read(path), wordings, allowed).map(
    ({ name, line, text, instead }) => `${path}:${line}: "${name}" → ${instead}\n    ${text}`,
  ),
);
if (problems.length > 0)
  problems.push('Reword the text. For names that cannot change, see scripts/language/allowed.json.');
for (const [original = '', translation = ''] of TRANSLATIONS)
  if (existsSync(join(REPOSITORY, translation)))
    problems.push(
      ...differences(read(original), read(translation)).map((difference) => `${translation}: ${difference}`),
    );
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
