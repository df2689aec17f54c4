// Builds services/console: the types of the API from docs/api/openapi.json, then the files that the api serves, also compressed. Runs only if
// an input has changed.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const REPOSITORY = resolve(fileURLToPath(import.meta.url), '../..');
const CONSOLE = join(REPOSITORY, 'services/console');
const DOCUMENT = join(REPOSITORY, 'docs/api/openapi.json');
const TYPES = join(CONSOLE, 'generated/openapi.d.ts');
const BUILT = join(CONSOLE, 'dist/index.html');
/** Sizes and times of the inputs of the last build. */
const STAMPS = join(CONSOLE, 'generated/inputs.txt');
const COMPRESSED = /[.](js|css|svg|html)$/;

/** Builds the console if an input has changed. */
export default async function buildConsole() {
  await writeTypes();
  const inputs = stamps();
  if (existsSync(BUILT) && existsSync(STAMPS) && readFileSync(STAMPS, 'utf8') === inputs) return;
  const { build } = await import('vite');
  await build({ configFile: join(CONSOLE, 'vite.config.mjs'), logLevel: 'error' });
  for (const path of filesIn('dist')) compress(path);
  writeFileSync(STAMPS, inputs);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--types')) await writeTypes();
  else await buildConsole();
}

/** Writes the types of the API, which are not in the repository because they follow from its document. */
async function writeTypes() {
  if (existsSync(TYPES) && statSync(TYPES).mtimeMs > statSync(DOCUMENT).mtimeMs) return;
  // It requires an older compiler, so npm installs both in the folder of the console.
  const { default: openapiTS, astToString } = createRequire(join(CONSOLE, 'package.json'))(
    'openapi-typescript',
  );
  mkdirSync(join(CONSOLE, 'generated'), { recursive: true });
  writeFileSync(TYPES, astToString(await openapiTS(pathToFileURL(DOCUMENT))));
}

/** Adds versions of a file for clients that accept compressed responses. @param {string} path */
function compress(path) {
  if (!COMPRESSED.test(path)) return;
  const text = readFileSync(path);
  writeFileSync(`${path}.gz`, gzipSync(text, { level: 9 }));
  writeFileSync(`${path}.br`, brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
}

function stamps() {
  const inputs = [
    ...filesIn('src'),
    ...filesIn('public'),
    ...['index.html', 'vite.config.mjs', 'tsconfig.json'].map((name) => join(CONSOLE, name)),
    ...['scripts/console.mjs', 'package-lock.json', 'docs/api/openapi.json'].map((name) =>
      join(REPOSITORY, name),
    ),
  ];
  const lines = inputs.sort().map((path) => {
    const { size, mtimeMs } = statSync(path);
    return `${relative(REPOSITORY, path)} ${size} ${Math.round(mtimeMs)}\n`;
  });
  return lines.join('');
}

/** All files below a folder of the console. @param {string} folder */
function filesIn(folder) {
  const entries = readdirSync(join(CONSOLE, folder), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
