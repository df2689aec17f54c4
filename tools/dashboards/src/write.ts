// npm run dashboards: writes grafana/dashboards from tools/dashboards. With --check it only compares them.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '@lamplighter/native/state/repository';
import { BOARDS } from './boards.js';

const FOLDER = join(REPOSITORY, 'grafana/dashboards');
const args = process.argv.slice(2);
const unknown = args.find((arg) => !['--check', '--help', '-h'].includes(arg));
if (args.includes('--help') || args.includes('-h') || unknown !== undefined) {
  if (unknown !== undefined) console.error(`unknown option ${unknown}`);
  console.log('npm run dashboards               write grafana/dashboards from tools/dashboards');
  console.log('npm run dashboards -- --check    write nothing; exit code 1 if they are out of date');
  process.exit(unknown === undefined ? 0 : 2);
}
const check = args.includes('--check');

const wanted = new Map(BOARDS.map(({ file, document }) => [file, `${JSON.stringify(document, null, 2)}\n`]));
const stale = [
  ...[...wanted].filter(([file, text]) => read(file) !== text).map(([file]) => file),
  ...readdirSync(FOLDER).filter((file) => !wanted.has(file)),
];

if (check && stale.length > 0) {
  console.error(`grafana/dashboards is out of date (${stale.join(', ')}); run npm run dashboards`);
  process.exitCode = 1;
} else if (!check) {
  for (const file of stale) {
    const text = wanted.get(file);
    if (text === undefined) rmSync(join(FOLDER, file));
    else writeFileSync(join(FOLDER, file), text);
  }
  console.log(stale.length === 0 ? 'grafana/dashboards is up to date' : `written: ${stale.join(', ')}`);
}

function read(file: string): string | undefined {
  const path = join(FOLDER, file);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}
