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
   * True (the default): a durable write is on the disk before it returns, and survives the loss of power. False: it is with
   * the operating system, and survives the end of the program, `kill -9` included, but not the loss of power.
   */
  readonly fsync?: boolean;
}

/** The log is written anew when it has grown by this since, bytes, and most of it is out of date. */
const COMPACT_BYTES = 65_536;

/**
 * A storage in one file: a log to which every change is appended, written anew now and then. A line is
 * `<crc32 of the JSON, 8 hex digits> <JSON>`, the JSON a list of changes, `["key","text"]` or `["key"]` for a removal: one line is
 * one write, whole or not at all. A line that does not match its sum was being written when the power failed: it is left out,
 * and nobody was told that it is safe. One program at a time may use a file.
 */
export class FileStorage implements Storage {
  private readonly texts = new Map<string, string>();
  private readonly fsync: boolean;
  private file: number | undefined;
  /** Bytes of the log up to the end of its last whole line; what may lie behind is overwritten. */
  private length = 0;
  /** What the log would have if it were written anew, roughly. */
  private live = 0;
  private compactAt = COMPACT_BYTES;

  /**
   * Opens or begins the file; its folder is made if need be.
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
    if (this.file === undefined) throw failed(this.path, new Error('it is closed'));
    try {
      writeWhole(this.file, line, this.length);
      if (sync && this.fsync) fsyncSync(this.file);
    } catch (error) {
      this.cutOff();
      throw failed(this.path, error);
    }
    this.length += line.length;
  }

  /** What the caller was told is not kept must not come back with the next start. */
  private cutOff(): void {
    try {
      if (this.file !== undefined) ftruncateSync(this.file, this.length);
    } catch {
      // The disk is gone altogether; if it comes back, the next write overwrites it.
    }
  }

  private apply(changes: readonly Change[]): void {
    for (const [key, text] of changes) {
      this.live += sizeOf(key, text) - sizeOf(key, this.texts.get(key));
    }
    applyChanges(this.texts, changes);
  }

  /** Beside the log and then in its place, so that there is a whole one at every moment. If that fails, the old one stays. */
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

/** The changes of a line; undefined if it is not whole. */
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

/** Makes a rename outlive the loss of power. */
function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  fsyncSync(folder);
  closeSync(folder);
}

function failed(path: string, error: unknown): StorageFailed {
  const reason = error instanceof Error ? error.message : String(error);
  return new StorageFailed(`${path} cannot be used: ${reason}`);
}
