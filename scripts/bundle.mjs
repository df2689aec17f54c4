// Bundles the roughly 1,500 modules that each service loads into services/<name>/dist/bundle.js, which starts in a third of the CPU time. Runs
// after the compiler, and only if an input has changed.
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import buildConsole from './console.mjs';

const REPOSITORY = resolve(fileURLToPath(import.meta.url), '../..');
const SERVICES = ['rules', 'api', 'device-sim'];

/** Optional packages of NestJS, and swagger-ui-dist, whose files are served from its folder. */
const EXTERNAL = [
  '@fastify/static',
  '@grpc/*',
  '@nats-io/*',
  '@nestjs/websockets',
  'amqp-connection-manager',
  'amqplib',
  'class-transformer',
  'class-validator',
  'kafkajs',
  'swagger-ui-dist',
];

/** CommonJS packages call require for Node's own modules. */
const REQUIRE = `import { createRequire as createRequireOfBundle } from 'node:module';
const require = createRequireOfBundle(import.meta.url);`;

/** Bundles the services whose inputs have changed, and builds the console, which the api serves. */
export default async function bundleServices() {
  await buildConsole();
  for (const name of SERVICES) if (!isFresh(name)) await bundle(name);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleServices();

/** @param {string} name */
async function bundle(name) {
  const outfile = bundleOf(name);
  const { metafile, outputFiles } = await build({
    absWorkingDir: REPOSITORY,
    entryPoints: [`services/${name}/dist/main.js`],
    outfile,
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    // Libraries and the API document read names of classes. In rules that would name the closures of the hot path at every call, 3 % of its time.
    keepNames: name !== 'rules',
    legalComments: 'none',
    external: EXTERNAL,
    banner: { js: REQUIRE },
    plugins: [keepUrls(dirname(outfile))],
    metafile: true,
    logLevel: 'error',
  });
  // Renamed into place, so that a service that starts in the meantime loads a complete file.
  writeFileSync(`${outfile}.new`, outputFiles[0]?.contents ?? '');
  renameSync(`${outfile}.new`, outfile);
  const inputs = ['scripts/bundle.mjs', ...Object.keys(metafile.inputs)];
  writeFileSync(
    stampsOf(name),
    JSON.stringify(Object.fromEntries(inputs.map((path) => [path, stampOf(path)]))),
  );
}

/**
 * Modules find files next to them by import.meta.url; in the bundle each module keeps its own URL.
 * @param {string} folder @returns {import('esbuild').Plugin}
 */
function keepUrls(folder) {
  return {
    name: 'keep-urls',
    setup({ onLoad }) {
      onLoad({ filter: /\/(packages|services)\/[^/]+\/dist\/.*\.js$/ }, ({ path }) => {
        const text = readFileSync(path, 'utf8');
        if (!text.includes('import.meta.url')) return undefined;
        const url = `new URL(${JSON.stringify(relative(folder, path))}, import.meta.url).href`;
        return { contents: text.replaceAll('import.meta.url', url), loader: 'js' };
      });
    },
  };
}

/** Whether the bundle exists and its inputs are unchanged. @param {string} name */
function isFresh(name) {
  if (!existsSync(bundleOf(name)) || !existsSync(stampsOf(name))) return false;
  const stamps = Object.entries(JSON.parse(readFileSync(stampsOf(name), 'utf8')));
  return stamps.every(([path, stamp]) => stampOf(path) === stamp);
}

/** @param {string} path */
function stampOf(path) {
  const stats = statSync(join(REPOSITORY, path), { throwIfNoEntry: false });
  return stats ? `${stats.size} ${Math.round(stats.mtimeMs)}` : 'none';
}

/** @param {string} name */
function bundleOf(name) {
  return join(REPOSITORY, `services/${name}/dist/bundle.js`);
}

/** @param {string} name */
function stampsOf(name) {
  return join(REPOSITORY, `services/${name}/dist/bundle.json`);
}
