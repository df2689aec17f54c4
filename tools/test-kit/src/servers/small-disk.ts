import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../folder.js';
import { closeLater } from '../resources.js';

/** A RAM disk of a few megabytes that a test can fill. */
export interface SmallDisk {
  readonly folder: string;
  /** Writes until the disk is full. */
  fill(): void;
  /** Removes the file of `fill`. */
  empty(): void;
}

const CHUNK = 65_536;

/** Mounts a tmpfs of this size; undefined if this user may not (it requires root on Linux). */
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
  // Lazily, since a process may still have a file open there.
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
