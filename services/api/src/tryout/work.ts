import { Injectable } from '@nestjs/common';
import { Problem, retryAfter } from '../problems/problem.js';

/** Runs that one process does side by side; each may hold a fleet's recording in memory. */
export const MAX_RUNS = 2;
/** A run holds up other requests for no longer than this at a time, milliseconds. */
const SLICE_MS = 4;
/** Readings and timers that one run judges, for both rules together. */
const MAX_JUDGEMENTS = 1_000_000;
/** Time that one run may compute, milliseconds. */
const MAX_COMPUTING_MS = 5000;

/** Takes in runs that compute, a few at a time. */
@Injectable()
export class Runs {
  private running = 0;

  /**
   * Does something that computes for long.
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

/** The work of one run: counted, bounded, and done in slices. */
export class Work {
  private judged = 0;
  private computedMs = 0;
  private since = performance.now();

  constructor(
    private readonly maxJudgements = MAX_JUDGEMENTS,
    private readonly maxComputingMs = MAX_COMPUTING_MS,
  ) {}

  /**
   * Counts a judgement.
   * @returns whether it is time to rest
   * @throws Problem `too-much-work`
   */
  judge(): boolean {
    this.judged += 1;
    if (this.judged > this.maxJudgements)
      throw tooMuch(`more than ${this.maxJudgements.toLocaleString('en')} readings and timers to judge`);
    return this.isDue();
  }

  /** Whether it is time to rest. */
  isDue(): boolean {
    return performance.now() - this.since > SLICE_MS;
  }

  /**
   * Lets other requests have their turn.
   * @throws Problem `too-much-work`
   */
  async rest(): Promise<void> {
    this.computedMs += performance.now() - this.since;
    if (this.computedMs > this.maxComputingMs)
      throw tooMuch(`more than ${this.maxComputingMs / 1000} s of computing`);
    await new Promise((resolve) => setImmediate(resolve));
    this.since = performance.now();
  }

  /** Waits for something else, which is no computing. */
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
