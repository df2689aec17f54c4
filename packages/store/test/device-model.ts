import type { EvaluatedPart } from '@lamplighter/test-kit/store/replica';
import { WINDOW_SIZE } from '../src/keys.js';

/** The expected outcome of a part. */
export type Verdict = 'accepted' | 'repeated' | 'conflict';

interface Entry {
  readonly seq: number;
  readonly late: boolean;
}

/** The score of a restarted counter since the last live reading. */
interface RestartScore {
  readonly rising: number;
  readonly weight: number;
  readonly seq: number | undefined;
}
const NONE: RestartScore = { rising: 0, weight: 0, seq: undefined };

/**
 * The specification of the last state and the window of a device. The device has published no birth, and its readings have a sequence, no
 * time, and always the same content.
 */
export class DeviceModel {
  last: number | undefined;
  window: Entry[] = [];
  rules = '';
  private score = NONE;
  private version = '';
  private by = { replica: '', part: 0 };

  /** Applies a part, and returns the expected outcome. */
  accept(replica: string, { part, version, rules, live, readings }: EvaluatedPart): Verdict {
    if (this.by.replica === replica && this.by.part === part) return 'repeated';
    // An earlier part of the same replica after a later one: whether it was accepted is unknown.
    if (this.by.replica === replica && this.by.part > part) return 'conflict';
    if (version !== this.version) return 'conflict';
    const seqs = readings.map(({ seq }) => seq!);
    const { isLive, score } = this.place(seqs);
    if (readings.some((reading, i) => live.includes(reading) !== isLive[i])) return 'conflict';
    this.score = score;
    if (this.version === '') this.version = '0';
    for (const [i, seq] of seqs.entries()) {
      if (!isLive[i]) continue;
      this.window.push({ seq, late: false });
      this.last = seq;
    }
    this.trim();
    for (const [i, seq] of seqs.entries()) if (!isLive[i]) this.insertLate(seq);
    this.trim();
    if (rules !== '') {
      this.rules = rules;
      this.version = `${replica}.${part}`;
    }
    this.by = { replica, part };
    return 'accepted';
  }

  /** Which readings are newer than those before them. */
  private place(seqs: readonly number[]): { isLive: boolean[]; score: RestartScore } {
    const known = this.window.map(({ seq }) => seq);
    let { last, score } = this;
    const isLive = seqs.map((seq) => {
      let newer = last === undefined || seq > last;
      if (!newer) {
        score = after(score, seq, known);
        newer = score.rising >= 3 || score.weight >= 128;
      }
      known.push(seq);
      if (newer) {
        last = seq;
        score = NONE;
      }
      return newer;
    });
    return { isLive, score };
  }

  /** Inserts a reading at its place, before the last state but not before the reading that started the latest order. */
  private insertLate(seq: number): void {
    if (this.window.some((entry) => entry.seq === seq)) return;
    let place = this.window.length;
    if (this.window.at(-1)?.late === false) place -= 1;
    for (; place > 0 && seq < this.window[place - 1]!.seq; place -= 1) {
      const [before, at] = [this.window[place - 1]!, this.window[place]];
      if (at !== undefined && !before.late && at.seq < before.seq) break;
    }
    if (place === 0 && this.isFull) return;
    this.window.splice(place, 0, { seq, late: true });
    this.added += 1;
  }

  /** Late readings since the last trim: the store trims after all of a part, so its window can be larger until then. */
  private added = 0;
  private get isFull(): boolean {
    return this.window.length - this.added >= WINDOW_SIZE;
  }

  private trim(): void {
    this.added = 0;
    this.window = this.window.slice(-WINDOW_SIZE);
  }
}

function after(score: RestartScore, seq: number, known: readonly number[]): RestartScore {
  const { rising, weight } = score;
  if (known.includes(seq)) return { ...score, weight: weight + 1 };
  const below = Math.max(...known.filter((other) => other < seq));
  const above = Math.min(...known.filter((other) => other > seq));
  if (above - below <= 64) return { ...score, weight: weight + 4 };
  const isRising = score.seq !== undefined && seq > score.seq;
  return { rising: isRising ? rising + 1 : 1, weight: weight + 16, seq };
}
