import {
  closeSync,
  constants,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { applyChanges, type Change, type Storage, StorageFailed } from './storage.js';

export interface FileStorageOptions {
  /**
   * True (the default): a durable write reaches the disk before it returns, and survives a power failure. False: it reaches the
   * operating system, and survives the end of the program, including `kill -9`, but not a power failure.
   */
  readonly fsync?: boolean;
}

/** The log is compacted after it has grown by this many bytes, if most of it is obsolete. */
const COMPACT_BYTES = 65_536;

/**
 * A storage in one file: an append-only log that is compacted from time to time. A line is `<crc32 of the JSON, 8 hex digits> <JSON>`. The
 * JSON is a list of changes, `["key","text"]` or `["key"]` for a removal. One line is one atomic write. A line with a wrong checksum was
 * interrupted by a power failure; it was never reported as durable and is skipped. Only one program at a time can use a file.
 */
export class FileStorage implements Storage {
  private readonly texts = new Map<string, string>();
  private readonly fsync: boolean;
  private file: number | undefined;
  /** Bytes up to the end of the last complete line; the next write overwrites the rest. */
  private length = 0;
  /** Approximate size of the compacted log, bytes. */
  private live = 0;
  private compactAt = COMPACT_BYTES;

  /**
   * Opens the file; creates it and its folder if necessary.
   * @throws StorageFailed
   */
  constructor(
    private readonly path: string,
    { fsync = true }: FileStorageOptions = {},
  ) {
    this.fsync = fsync;
    try {
      mkdirSync(dirname(path), { recursive: true });
      this.file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
      this.load(readFileSync(this.file));
      ftruncateSync(this.file, this.length);
    } catch (error) {
      this.close();
      throw failed(path, error);
    }
  }

  get(key: string): string | undefined {
    return this.texts.get(key);
  }

  entries(): Iterable<readonly [string, string]> {
    return this.texts.entries();
  }

  write(changes: Iterable<Change>, { durable = true }: { durable?: boolean } = {}): void {
    const list = [...changes];
    if (list.length === 0) return;
    this.append(lineOf(list), durable && list.some(([, text]) => text !== undefined));
    this.apply(list);
    if (this.length >= this.compactAt && this.length > 2 * this.live) this.compact();
  }

  /** Closes the file; later writes fail. */
  close(): void {
    if (this.file !== undefined) closeSync(this.file);
    this.file = undefined;
  }

  private load(log: Buffer): void {
    let start = 0;
    for (let end = log.indexOf('\n'); end >= 0; end = log.indexOf('\n', start)) {
      const changes = changesOf(log.toString('utf8', start, end));
      start = end + 1;
      if (changes === undefined) continue;
      this.apply(changes);
      this.length = start;
    }
  }

  private append(line: Buffer, sync: boolean): void {
    if (this.file === undefined) throw failed(this.path, new Error('the storage is closed'));
    try {
      writeWhole(this.file, line, this.length);
      if (sync && this.fsync) fsyncSync(this.file);
    } catch (error) {
      this.truncate();
      throw failed(this.path, error);
    }
    this.length += line.length;
  }

  /** Removes a failed write, so that the next start does not load it. */
  private truncate(): void {
    try {
      if (this.file !== undefined) ftruncateSync(this.file, this.length);
    } catch {
      // The disk is unavailable. The next successful write overwrites the failed one.
    }
  }

  private apply(changes: readonly Change[]): void {
    for (const [key, text] of changes) {
      this.live += sizeOf(key, text) - sizeOf(key, this.texts.get(key));
    }
    applyChanges(this.texts, changes);
  }

  /** Writes a new log and renames it, so that a complete log exists at all times. If that fails, the old log stays. */
  private compact(): void {
    const path = `${this.path}.new`;
    let file: number | undefined;
    try {
      const log = Buffer.concat(Array.from(this.texts, (entry) => lineOf([entry])));
      file = openSync(path, 'w', 0o600);
      writeWhole(file, log, 0);
      if (this.fsync) fsyncSync(file);
      renameSync(path, this.path);
      if (this.file !== undefined) closeSync(this.file);
      this.file = file;
      this.length = log.length;
      if (this.fsync) syncFolder(dirname(this.path));
    } catch {
      if (file !== undefined && file !== this.file) closeSync(file);
    }
    this.compactAt = this.length + COMPACT_BYTES;
  }
}

function lineOf(changes: readonly Change[]): Buffer {
  const json = JSON.stringify(changes.map(([key, text]) => (text === undefined ? [key] : [key, text])));
  return Buffer.from(`${sumOf(json)} ${json}\n`);
}

/** The changes of a line; undefined if its checksum is wrong. */
function changesOf(line: string): Change[] | undefined {
  const json = line.slice(9);
  if (line.slice(0, 8) !== sumOf(json)) return undefined;
  return (JSON.parse(json) as [string, string?][]).map(([key, text]) => [key, text]);
}

const sumOf = (json: string) => crc32(json).toString(16).padStart(8, '0');
const sizeOf = (key: string, text: string | undefined) =>
  text === undefined ? 0 : key.length + text.length + 20;

function writeWhole(file: number, bytes: Buffer, position: number): void {
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(file, bytes, written, bytes.length - written, position + written);
  }
}

/** Makes a rename survive a power failure. */
function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  fsyncSync(folder);
  closeSync(folder);
}

function failed(path: string, error: unknown): StorageFailed {
  const reason = error instanceof Error ? error.message : String(error);
  return new StorageFailed(`cannot use ${path}: ${reason}`);
}
