import { Injectable } from '@nestjs/common';
import { Problem, retryAfter } from '../problems/problem.js';

/** Concurrent runs per process; each may hold the recording of a fleet in memory. */
export const MAX_RUNS = 2;
/** A run blocks other requests for at most this long at a time, milliseconds. */
const SLICE_MS = 4;
/** Readings and timers evaluated per run, for both rules together. */
const MAX_JUDGEMENTS = 1_000_000;
/** CPU time per run, milliseconds. */
const MAX_COMPUTING_MS = 5000;

/** Limits the number of concurrent runs. */
@Injectable()
export class Runs {
  private running = 0;

  /**
   * Runs a task that needs much CPU time.
   * @throws Problem `too-many-runs`
   */
  async run<T>(task: (work: Work) => Promise<T>): Promise<T> {
    if (this.running >= MAX_RUNS)
      throw new Problem(
        'too-many-runs',
        `${MAX_RUNS} dry runs are in progress. Try again in a few seconds.`,
        {},
        retryAfter(5),
      );
    this.running += 1;
    try {
      return await task(new Work());
    } finally {
      this.running -= 1;
    }
  }
}

/** The work of one run: limited, and done in time slices. */
export class Work {
  private judged = 0;
  private computedMs = 0;
  private since = performance.now();

  constructor(
    private readonly maxJudgements = MAX_JUDGEMENTS,
    private readonly maxComputingMs = MAX_COMPUTING_MS,
  ) {}

  /**
   * Counts an evaluation.
   * @returns whether the time slice is used up
   * @throws Problem `too-much-work`
   */
  judge(): boolean {
    this.judged += 1;
    if (this.judged > this.maxJudgements)
      throw tooMuch(
        `it must evaluate more than ${this.maxJudgements.toLocaleString('en')} readings and timers`,
      );
    return this.isDue();
  }

  /** Whether the time slice is used up. */
  isDue(): boolean {
    return performance.now() - this.since > SLICE_MS;
  }

  /**
   * Yields to other requests.
   * @throws Problem `too-much-work`
   */
  async rest(): Promise<void> {
    this.computedMs += performance.now() - this.since;
    if (this.computedMs > this.maxComputingMs)
      throw tooMuch(`it needs more than ${this.maxComputingMs / 1000} s of CPU time`);
    await new Promise((resolve) => setImmediate(resolve));
    this.since = performance.now();
  }

  /** Waits for I/O, which does not count as CPU time. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    this.computedMs += performance.now() - this.since;
    try {
      return await promise;
    } finally {
      this.since = performance.now();
    }
  }
}

function tooMuch(what: string): Problem {
  return new Problem(
    'too-much-work',
    `The run was stopped: ${what}. Select fewer devices with "devices", or use a shorter recording.`,
  );
}
