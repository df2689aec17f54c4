import { statfs } from 'node:fs/promises';

export interface DiskSpace {
  readonly sizeBytes: number;
  /** What ordinary users may still fill. */
  readonly freeBytes: number;
}

/**
 * The disk on which this process runs; undefined if the system does not tell. In the native run Redis and Prometheus write to it
 * too; so they do in containers, unless Docker keeps volumes elsewhere than images: a container's file system reports the disk
 * under it.
 */
export async function readDiskSpace(): Promise<DiskSpace | undefined> {
  try {
    const { blocks, bavail, bsize } = await statfs(process.cwd());
    return { sizeBytes: blocks * bsize, freeBytes: bavail * bsize };
  } catch {
    return undefined;
  }
}
