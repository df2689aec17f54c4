import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireBinary } from '@lamplighter/native/servers/binaries';
import { REPOSITORY } from '@lamplighter/native/state/repository';

/** The versions of everything under test. */
export function versions(): Record<string, string> {
  const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
    version: string;
  };
  const versionOf = (command: string, args: string[]) =>
    /\d+([.]\d+)+/.exec(spawnSync(requireBinary(command), args, { encoding: 'utf8' }).stdout)?.[0] ??
    'unknown';
  return {
    lamplighter: `${version}${commit()}`,
    mosquitto: versionOf('mosquitto', ['-h']),
    redis: versionOf('redis-server', ['--version']),
    node: process.versions.node,
  };
}

/** The commit of the checkout, and whether there are uncommitted changes. */
function commit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, {
        cwd: REPOSITORY,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    return ` (${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') === '' ? '' : ', changed'})`;
  } catch {
    return '';
  }
}
