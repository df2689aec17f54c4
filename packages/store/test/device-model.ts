import type { DevicePart } from '../src/accept-readings.js';
import { WINDOW_SIZE } from '../src/keys.js';

/** What a part should come to. */
export type Verdict = 'accepted' | 'repeated' | 'conflict';

/** What the store should hold of one device whose readings all have a sequence: its last state and its window, in plain words. */
export class DeviceModel {
  last: number | undefined;
  window: { seq: number; late: boolean }[] = [];
  rules = '';
  private version = '';
  private by = { replica: '', part: 0 };

  /** Takes a part, or does not, and says what the store should say. */
  accept(replica: string, { part, version, rules, live, late }: DevicePart): Verdict {
    if (this.by.replica === replica && this.by.part === part) return 'repeated';
    // An earlier part of the same replica that comes after a later one: whether it was accepted nobody can tell any more.
    if (this.by.replica === replica && this.by.part > part) return 'conflict';
    if (version !== this.version) return 'conflict';
    if (live[0] !== undefined && this.last !== undefined && live[0].seq! <= this.last) return 'conflict';
    const newest = live.at(-1)?.seq ?? this.last;
    if (newest !== undefined && late.some(({ seq }) => seq! > newest)) return 'conflict';
    if (this.version === '') this.version = '0';
    for (const { seq } of live) {
      this.window.push({ seq: seq!, late: false });
      this.last = seq!;
    }
    this.trim();
    const oldest = this.window.length === WINDOW_SIZE ? this.window[0]!.seq : 0;
    for (const { seq } of late) {
      if (seq! >= oldest && !this.window.some((known) => known.seq === seq))
        this.window.push({ seq: seq!, late: true });
    }
    this.window.sort((a, b) => a.seq - b.seq);
    this.trim();
    if (rules !== '') {
      this.rules = rules;
      this.version = `${replica}.${part}`;
    }
    this.by = { replica, part };
    return 'accepted';
  }

  private trim(): void {
    this.window = this.window.slice(-WINDOW_SIZE);
  }
}
