import { join } from 'node:path';
import { FileStorage } from '@lamplighter/device/storage/file-storage';
import { MemoryStorage, type Storage } from '@lamplighter/device/storage/storage';

/** What a simulated lamp keeps through its restarts. */
export interface LampStorage {
  /** The storage, opened if it is not. */
  open(): Storage;
  /** The device has no power: what is opened next is what was kept. */
  close(): void;
}

/** In memory: it survives the restart of a lamp, not that of the simulator. */
export function memoryStorage(): LampStorage {
  const storage = new MemoryStorage();
  return { open: () => storage, close() {} };
}

/**
 * A file of its own in a folder: it survives the end of the simulator, `kill -9` included. Not the loss of power: thousands of
 * devices on one disk cannot wait for it with every reading.
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
