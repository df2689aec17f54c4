import { readUsage } from '../measure/process-usage.js';
import type { TrialPlan, UsageSample } from './trial.js';

const WATCH_EVERY_MS = 250;

/** Reads the usage of the watched processes now and then, and exactly at both ends of the measured time. */
export class Watch {
  readonly samples: Record<string, UsageSample[]> = {};
  private readonly atStart: Record<string, number> = {};
  private readonly atEnd: Record<string, number> = {};
  private state: 'before' | 'within' | 'after' = 'before';
  private nextLookMs = 0;

  constructor(
    private readonly plan: TrialPlan,
    private readonly startedAt: number,
  ) {
    for (const name of Object.keys(plan.pids)) this.samples[name] = [];
  }

  look(): void {
    const atMs = performance.now() - this.startedAt;
    if (this.state === 'before' && atMs >= this.plan.measureFromMs) {
      this.state = 'within';
      this.sample(atMs, this.atStart);
    } else if (this.state === 'within' && atMs >= this.plan.measureToMs) {
      this.state = 'after';
      this.sample(atMs, this.atEnd);
    } else if (atMs >= this.nextLookMs) {
      this.sample(atMs);
    }
  }

  /** Whether the measured time is over. */
  get complete(): boolean {
    return this.state === 'after';
  }

  cpuSeconds(): Record<string, number> {
    const names = Object.keys(this.plan.pids);
    return Object.fromEntries(
      names.map((name) => [name, (this.atEnd[name] ?? Number.NaN) - (this.atStart[name] ?? Number.NaN)]),
    );
  }

  private sample(atMs: number, cpu?: Record<string, number>): void {
    this.nextLookMs = atMs + WATCH_EVERY_MS;
    for (const [name, pid] of Object.entries(this.plan.pids)) {
      const usage = readUsage(pid);
      if (cpu !== undefined) cpu[name] = usage.cpuSeconds;
      this.samples[name]!.push({ atMs, ...usage });
    }
  }
}
