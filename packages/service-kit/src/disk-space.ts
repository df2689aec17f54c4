import { statfs } from 'node:fs/promises';

export interface DiskSpace {
  readonly sizeBytes: number;
  /** Space available to unprivileged users. */
  readonly freeBytes: number;
}

/**
 * The disk of the working directory; undefined if the system does not report it. Redis and Prometheus write to the same disk in the native
 * run, and in containers unless Docker stores volumes on a different disk than images.
 */
export async function readDiskSpace(): Promise<DiskSpace | undefined> {
  try {
    const { blocks, bavail, bsize } = await statfs(process.cwd());
    return { sizeBytes: blocks * bsize, freeBytes: bavail * bsize };
  } catch {
    return undefined;
  }
}
