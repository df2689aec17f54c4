// npm run check:packages: licences, install scripts and the reason for each package.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  directPackages,
  foreignPackages,
  licenceProblems,
  pageProblems,
  scriptProblems,
} from './lockfile.mjs';

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  console.log(
    'npm run check:packages    check licences, install scripts and the reason for each package in docs/packages.md',
  );
  process.exit(0);
}
const read = (/** @type {string} */ file) => JSON.parse(readFileSync(file, 'utf8'));
const { packages } = read('package-lock.json');
const manifests = ['packages', 'services', 'tools']
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name, 'package.json')))
  .concat('package.json', 'bench/package.json')
  .filter((file) => existsSync(file))
  .map(read);
const direct = directPackages(manifests);
const page = readFileSync('docs/packages.md', 'utf8');
const foreign = foreignPackages(packages);
const count = `${direct.size} packages are named by the manifests; with theirs, ${foreign.length} are installed or optional, ${foreign.filter(([, { dev }]) => !dev).length} of them not only for development`;

const problems = [...licenceProblems(packages), ...scriptProblems(packages), ...pageProblems(direct, page)];
if (!page.includes(count)) problems.push(`docs/packages.md must say: ${count}`);
for (const problem of problems) console.error(`packages: ${problem}`);
if (problems.length > 0) process.exitCode = 1;
else console.log(`packages: ${count}`);
