import { closeSync, openSync, readSync } from 'node:fs';
import type { DeviceEvent } from '../evidence/journal.js';

const CHUNK = 1 << 20;

/** Follows a journal while it is written, and tracks the readings without a receipt or a drop. */
export class Outboxes {
  private readonly held = new Set<string>();
  /** Readings dropped before they were taken: a device writes the drop first. */
  private readonly dropped = new Set<string>();
  private position = 0;
  private rest: Buffer = Buffer.alloc(0);
  /** Readings taken, and commands executed, so far. */
  readonly counts = { taken: 0, executed: 0 };

  constructor(private readonly file: string) {}

  /** Readings in outboxes or in transit. */
  get size(): number {
    return this.held.size;
  }

  /** Reads new events. A journal that does not exist yet is empty. */
  follow(): void {
    let file: number;
    try {
      file = openSync(this.file, 'r');
    } catch {
      return;
    }
    try {
      const chunk = Buffer.alloc(CHUNK);
      for (;;) {
        const size = readSync(file, chunk, 0, CHUNK, this.position);
        if (size === 0) return;
        this.position += size;
        this.readLines(Buffer.concat([this.rest, chunk.subarray(0, size)]));
      }
    } finally {
      closeSync(file);
    }
  }

  private readLines(bytes: Buffer): void {
    const end = bytes.lastIndexOf(0x0a) + 1;
    this.rest = Buffer.from(bytes.subarray(end));
    for (const line of bytes.toString('utf8', 0, end).split('\n'))
      if (line !== '') this.apply(JSON.parse(line));
  }

  private apply(event: DeviceEvent): void {
    switch (event.event) {
      case 'taken': {
        const reading = `${event.device} ${event.seq}`;
        this.counts.taken += 1;
        if (!this.dropped.delete(reading)) this.held.add(reading);
        break;
      }
      case 'dropped': {
        const reading = `${event.device} ${event.seq}`;
        if (!this.held.delete(reading)) this.dropped.add(reading);
        break;
      }
      case 'receipt':
        for (const seq of [...event.stored, ...(event.refused ?? [])])
          this.held.delete(`${event.device} ${seq}`);
        break;
      case 'executed':
        this.counts.executed += 1;
    }
  }
}
