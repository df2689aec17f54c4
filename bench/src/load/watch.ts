import { busyCpuSeconds, readUsage } from '../measure/process-usage.js';
import type { TrialPlan, UsageSample } from './trial.js';

const WATCH_EVERY_MS = 250;

/** CPU time used up to some moment: by each watched process, and by the whole machine. */
interface CpuMark {
  readonly atMs: number;
  readonly byProcess: Readonly<Record<string, number>>;
  readonly machine: number;
}

/** Reads the usage of the watched processes now and then, and exactly at both ends of the measured time. */
export class Watch {
  readonly samples: Record<string, UsageSample[]> = {};
  private from: CpuMark | undefined;
  private to: CpuMark | undefined;
  private nextLookMs = 0;

  constructor(
    private readonly plan: TrialPlan,
    private readonly startedAt: number,
  ) {
    for (const name of Object.keys(plan.pids)) this.samples[name] = [];
  }

  /** To be called often; does something only when it is time to. */
  look(): void {
    const atMs = performance.now() - this.startedAt;
    const { measureFromMs, measureToMs } = this.plan;
    const due = this.from === undefined ? measureFromMs : this.to === undefined ? measureToMs : Infinity;
    if (atMs < due && atMs < this.nextLookMs) return;
    this.nextLookMs = atMs + WATCH_EVERY_MS;
    const mark = this.mark(atMs);
    if (atMs < due) return;
    if (this.from === undefined) this.from = mark;
    else this.to = mark;
  }

  /** Whether the measured time is over. */
  get complete(): boolean {
    return this.to !== undefined;
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

  /** Cores that processes other than the watched ones kept busy meanwhile, on average. */
  otherCores(): number {
    const { from, to } = this;
    if (from === undefined || to === undefined) return 0;
    const ours = Object.values(this.cpuSeconds()).reduce((sum, seconds) => sum + seconds, 0);
    return Math.max(0, ((to.machine - from.machine - ours) * 1000) / (to.atMs - from.atMs));
  }

  private mark(atMs: number): CpuMark {
    const byProcess: Record<string, number> = {};
    const machine = busyCpuSeconds();
    for (const [name, pid] of Object.entries(this.plan.pids)) {
      const usage = readUsage(pid);
      byProcess[name] = usage.cpuSeconds;
      this.samples[name]!.push({ atMs, ...usage });
    }
    return { atMs, byProcess, machine };
  }
}
