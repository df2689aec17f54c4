import { join } from 'node:path';
import { FileStorage } from '@lamplighter/device/storage/file-storage';
import { MemoryStorage, type Storage } from '@lamplighter/device/storage/storage';

/** The storage of a simulated lamp, which survives its restarts. */
export interface LampStorage {
  /** Returns the storage; opens it if necessary. */
  open(): Storage;
  /** Closes the storage, as when the device loses power. */
  close(): void;
}

/** A storage in memory: survives a restart of the lamp, not of the simulator. */
export function memoryStorage(): LampStorage {
  const storage = new MemoryStorage();
  return { open: () => storage, close() {} };
}

/**
 * A storage in a file: survives the end of the simulator, including `kill -9`, but not a power failure, since thousands of devices cannot
 * wait for one disk with every reading.
 */
export function fileStorage(folder: string, fleet: string, device: string): LampStorage {
  let file: FileStorage | undefined;
  return {
    open() {
      file ??= new FileStorage(join(folder, `${fleet}.${device}.log`), { fsync: false });
      return file;
    },
    close() {
      file?.close();
      file = undefined;
    },
  };
}
