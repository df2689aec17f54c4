import { Injectable } from '@nestjs/common';
import { Problem, retryAfter } from '../problems/problem.js';

/** Concurrent runs per process; each may hold the recording of a fleet in memory. */
export const MAX_RUNS = 2;
/** A run blocks other requests for at most this long at a time, milliseconds. */
const SLICE_MS = 4;
/** Readings and timers evaluated per run, for both rules together. */
const MAX_EVALUATIONS = 1_000_000;
/** CPU time per run, milliseconds. */
const MAX_COMPUTING_MS = 5000;

/** Limits the number of concurrent runs. */
@Injectable()
export class RunLimiter {
  private running = 0;

  /**
   * Runs a task that needs much CPU time.
   * @throws Problem `too-many-runs`
   */
  async run<T>(task: (work: RunBudget) => Promise<T>): Promise<T> {
    if (this.running >= MAX_RUNS)
      throw new Problem(
        'too-many-runs',
        `${MAX_RUNS} dry runs are already in progress. Try again in a few seconds.`,
        {},
        retryAfter(5),
      );
    this.running += 1;
    try {
      return await task(new RunBudget());
    } finally {
      this.running -= 1;
    }
  }
}

/** The work of one run: limited, and done in time slices. */
export class RunBudget {
  private evaluations = 0;
  private computedMs = 0;
  private since = performance.now();

  constructor(
    private readonly maxEvaluations = MAX_EVALUATIONS,
    private readonly maxComputingMs = MAX_COMPUTING_MS,
  ) {}

  /**
   * Counts an evaluation.
   * @returns whether the time slice is used up
   * @throws Problem `too-much-work`
   */
  countEvaluation(): boolean {
    this.evaluations += 1;
    if (this.evaluations > this.maxEvaluations)
      throw tooMuchWork(
        `it must evaluate more than ${this.maxEvaluations.toLocaleString('en')} readings and timers`,
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
  async yield(): Promise<void> {
    this.computedMs += performance.now() - this.since;
    if (this.computedMs > this.maxComputingMs)
      throw tooMuchWork(`it needs more than ${this.maxComputingMs / 1000} s of CPU time`);
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

function tooMuchWork(what: string): Problem {
  return new Problem(
    'too-much-work',
    `The run was stopped: ${what}. Select fewer devices with "devices", or use a shorter recording.`,
  );
}
