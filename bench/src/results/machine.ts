import { spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { requireBinary } from '@lamplighter/native/servers/binaries';
import { median } from '../measure/statistics.js';

/** Hardware and versions, one line each. */
export function describeMachine(folder: string): string[] {
  const processors = cpus();
  return [
    `${processors.length} × ${processors[0]?.model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${type()} ${release()}`,
    `Node ${process.version}, ${version('mosquitto', '-h')}, ${version('redis-server', '--version')}`,
    `one fsync of the disk that Redis uses takes ${fsyncMs(folder).toFixed(2)} ms (median of 50)`,
  ];
}

function version(binary: string, flag: string): string {
  const { stdout, stderr } = spawnSync(requireBinary(binary), [flag], { encoding: 'utf8' });
  const [firstLine = ''] = (stdout || stderr).split('\n');
  return firstLine.split(/ sha=| malloc=/)[0]!;
}

function fsyncMs(folder: string): number {
  const file = join(folder, 'fsync-probe');
  const descriptor = openSync(file, 'w');
  const times = Array.from({ length: 50 }, () => {
    writeSync(descriptor, Buffer.alloc(4096));
    const before = performance.now();
    fsyncSync(descriptor);
    return performance.now() - before;
  });
  closeSync(descriptor);
  rmSync(file);
  return median(times);
}
