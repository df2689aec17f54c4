import { busyCpuSeconds, readUsage } from '../measure/process-usage.js';
import type { TrialPlan, UsageSample } from './trial-plan.js';

const SAMPLE_EVERY_MS = 250;

/** CPU time used so far by each process and by the whole machine, and the readings sent so far. */
interface Mark {
  readonly atMs: number;
  readonly sent: number;
  readonly byProcess: Readonly<Record<string, number>>;
  readonly machine: number;
}

/** Samples the usage of processes periodically, and at both ends of the measured time. */
export class UsageSampler {
  readonly samples: Record<string, UsageSample[]> = {};
  private from: Mark | undefined;
  private to: Mark | undefined;
  private nextSampleMs = 0;

  constructor(
    private readonly plan: TrialPlan,
    private readonly startedAt: number,
  ) {
    for (const name of Object.keys(plan.pids)) this.samples[name] = [];
  }

  /** Call often; it samples only when a sample is due. @param sent readings sent so far */
  poll(sent: number): void {
    const atMs = performance.now() - this.startedAt;
    const { measureFromMs, measureToMs } = this.plan;
    const due = this.from === undefined ? measureFromMs : this.to === undefined ? measureToMs : Infinity;
    if (atMs < due && atMs < this.nextSampleMs) return;
    this.nextSampleMs = atMs + SAMPLE_EVERY_MS;
    const mark = this.mark(atMs, sent);
    if (atMs < due) return;
    if (this.from === undefined) this.from = mark;
    else this.to = mark;
  }

  /** Whether the measured time has ended. */
  get complete(): boolean {
    return this.to !== undefined;
  }

  /** Readings sent within the measured time, and its length. */
  get measured(): { readings: number; seconds: number } {
    const { from, to } = this;
    if (from === undefined || to === undefined) return { readings: Number.NaN, seconds: Number.NaN };
    return { readings: to.sent - from.sent, seconds: (to.atMs - from.atMs) / 1000 };
  }

  /** CPU seconds per process within the measured time. */
  cpuSeconds(): Record<string, number> {
    const { from, to } = this;
    return Object.fromEntries(
      Object.keys(this.plan.pids).map((name) => [
        name,
        (to?.byProcess[name] ?? Number.NaN) - (from?.byProcess[name] ?? Number.NaN),
      ]),
    );
  }

  /** Mean number of cores used by processes other than the sampled ones. */
  otherCores(): number {
    const { from, to } = this;
    if (from === undefined || to === undefined) return 0;
    const ours = Object.values(this.cpuSeconds()).reduce((sum, seconds) => sum + seconds, 0);
    return Math.max(0, ((to.machine - from.machine - ours) * 1000) / (to.atMs - from.atMs));
  }

  private mark(atMs: number, sent: number): Mark {
    const byProcess: Record<string, number> = {};
    const machine = busyCpuSeconds();
    for (const [name, pid] of Object.entries(this.plan.pids)) {
      const usage = readUsage(pid);
      byProcess[name] = usage.cpuSeconds;
      this.samples[name]!.push({ atMs, ...usage });
    }
    return { atMs, sent, byProcess, machine };
  }
}
