// npm run check:language: rejects wording that docs/glossary.md or scripts/language/wording.mjs bans, in all tracked sources and documents, and
// translations whose structure differs from the original.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { baselineText, compare, countByName, find, grown } from './language/find.mjs';
import { differences } from './language/translation.mjs';
import { bannedBy, WORDING } from './language/wording.mjs';
import { REPOSITORY } from './prepare.mjs';

const HELP = `npm run check:language                     fail on banned wording beyond scripts/language-baseline.json
npm run check:language -- --list docs      list every hit in files whose path starts with docs
npm run check:language -- --update         lower the baseline after hits were removed or files moved`;
const BASELINE = 'scripts/language-baseline.json';
const TRANSLATIONS = [
  ['README.md', 'README.ko.md'],
  ['docs/lesson.md', 'docs/lesson.ko.md'],
];
/** The lists of banned words, and their tests. */
const NOT_READ =
  /^scripts\/(language\/|language-|check-language)|^test\/system\/documentation\/language[.]test[.]ts$/;

/** @param {string} path */
const read = (path) => readFileSync(join(REPOSITORY, path), 'utf8');
const { values: options } = parseArgs({
  options: { help: { type: 'boolean', short: 'h' }, list: { type: 'string' }, update: { type: 'boolean' } },
});
if (options.help) {
  console.log(HELP);
  process.exit(0);
}

const wordings = [...WORDING, ...bannedBy(read('docs/glossary.md'))];
/** @type {import('./language/find.mjs').Allowed[]} */
const allowed = JSON.parse(read('scripts/language-allowed.json'));
const patterns = ['*.ts', '*.lua', '*.mjs', '*.md', '*.yml', '*.py'];
const files = execFileSync('git', ['ls-files', ...patterns], { cwd: REPOSITORY, encoding: 'utf8' })
  .split('\n')
  .filter((path) => path !== '' && !NOT_READ.test(path) && existsSync(join(REPOSITORY, path)));
const hits = new Map(files.map((path) => [path, find(path, read(path), wordings, allowed)]));
const counts = Object.fromEntries([...hits].map(([path, found]) => [path, countByName(found)]));
const baseline = existsSync(join(REPOSITORY, BASELINE)) ? JSON.parse(read(BASELINE)) : {};

if (options.list !== undefined) list(options.list);
else if (options.update) update();
else check();

/** @param {string} prefix */
function list(prefix) {
  for (const [path, found] of hits) {
    if (!path.startsWith(prefix)) continue;
    for (const hit of found) print(path, hit);
  }
}

/** @param {string} path @param {import('./language/find.mjs').Hit} hit */
function print(path, { name, line, text, instead }) {
  console.log(`${path}:${line}: "${name}" → ${instead}\n    ${text}`);
}

function update() {
  const more = existsSync(join(REPOSITORY, BASELINE)) ? grown(counts, baseline) : [];
  if (more.length > 0) {
    console.error(
      `the baseline can only shrink, but there are more hits of: ${more.join(', ')}; reword them first`,
    );
    process.exitCode = 1;
  } else if (Object.values(counts).every((file) => Object.keys(file).length === 0)) {
    rmSync(join(REPOSITORY, BASELINE), { force: true });
    console.log('no hits left; deleted the baseline');
  } else writeFileSync(join(REPOSITORY, BASELINE), baselineText(counts));
}

function check() {
  const { exceeded, shrunk } = compare(counts, baseline);
  for (const { file, name, is, was } of exceeded) {
    console.error(`${file}: ${is} × "${name}"; the baseline allows ${was}`);
    for (const hit of hits.get(file) ?? []) if (hit.name === name) print(file, hit);
  }
  if (exceeded.length > 0)
    console.error(
      'Reword the text. If a file has moved, run npm run check:language -- --update. For names that cannot change, see scripts/language-allowed.json.',
    );
  if (shrunk.length > 0)
    console.log(
      `${shrunk.length} counts are below ${BASELINE}; lower it with npm run check:language -- --update`,
    );
  const different = TRANSLATIONS.filter(([, translation = '']) =>
    existsSync(join(REPOSITORY, translation)),
  ).flatMap(([original = '', translation = '']) =>
    differences(read(original), read(translation)).map((what) => `${translation}: ${what}`),
  );
  for (const line of different) console.error(line);
  if (exceeded.length + different.length > 0) process.exitCode = 1;
}
