import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../folder.js';
import { closeLater } from '../resources.js';

/** A disk of a few megabytes, in memory, that a test may fill. */
export interface SmallDisk {
  readonly folder: string;
  /** Writes until nothing more fits. */
  fill(): void;
  /** Removes what `fill` wrote. */
  empty(): void;
}

const CHUNK = 65_536;

/** Mounts a tmpfs of this size; undefined where that is not allowed (it takes root on Linux). */
export function smallDisk(megabytes: number): SmallDisk | undefined {
  const folder = temporaryFolder();
  const mounted = spawnSync('mount', [
    '-t',
    'tmpfs',
    '-o',
    `size=${megabytes}m,mode=700`,
    'lamplighter-test',
    folder,
  ]);
  if (mounted.status !== 0) return undefined;
  // Lazily: whoever still has a file open there may close it later.
  closeLater(`disk at ${folder}`, () => {
    spawnSync('umount', ['--lazy', folder]);
  });
  const ballast = join(folder, 'ballast');
  return {
    folder,
    fill() {
      const file = openSync(ballast, 'a');
      for (let size = CHUNK; size >= 1; size = Math.floor(size / 2)) {
        while (fits(file, size));
      }
      closeSync(file);
    },
    empty() {
      rmSync(ballast, { force: true });
    },
  };
}

function fits(file: number, size: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(size, 'x')) === size;
  } catch {
    return false;
  }
}
