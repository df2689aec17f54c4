// npm run pin:images: adds the digest of each image to its version in docker-compose.yml and Dockerfile.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { pinImages } from './images/pin.mjs';

const FILES = ['docker-compose.yml', 'Dockerfile'];
const HELP = `npm run pin:images             ask the registry for the digest of each image in ${FILES.join(' and ')}, and add it to the version
npm run pin:images -- --check  fail if an image has no digest, without asking the registry

Needs Docker with buildx and access to the registry. Commit the result; to update an image, change its version and run it again.`;

/** @param {string} image name and version @returns {string} */
function digestOf(image) {
  const format = '{{.Manifest.Digest}}';
  return execFileSync('docker', ['buildx', 'imagetools', 'inspect', image, '--format', format], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim();
}

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  console.log(HELP);
  process.exit(0);
}
const isCheck = process.argv.includes('--check');
try {
  for (const file of FILES) {
    const before = readFileSync(file, 'utf8');
    const { text, images } = pinImages(before, isCheck ? undefined : digestOf);
    for (const { image, digest } of images) console.log(`${file}: ${image} ${digest ?? 'has no digest'}`);
    if (isCheck && images.some(({ digest }) => digest === undefined)) process.exitCode = 1;
    if (text !== before) writeFileSync(file, text);
  }
} catch (error) {
  console.error(`pin:images: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
