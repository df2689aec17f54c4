import type { Random } from './random.js';

/**
 * Faults of a process, or of a link between two:
 *
 *     kill      SIGKILL, restarted after `ms`
 *     restart   SIGTERM, restarted after `ms`
 *     freeze    SIGSTOP for `ms`: connections stay open, nothing responds
 *     stall     a black hole for `ms`: nothing passes, no end is notified
 *     slow      4 kB/s for `ms`
 *     cut       all connections are reset
 *     forget    nothing passes on open connections any more, no end is notified; new ones work
 */
export const PROCESS_FAULTS = ['kill', 'restart', 'freeze'] as const;
export const LINK_FAULTS = ['stall', 'slow', 'cut', 'forget'] as const;
export type FaultKind = (typeof PROCESS_FAULTS)[number] | (typeof LINK_FAULTS)[number];

/** Something that faults apply to. Targets that share a `part` are broken one at a time. */
export interface Target {
  readonly name: string;
  readonly part: string;
  readonly kinds: readonly FaultKind[];
  /** Relative probability. */
  readonly weight: number;
}

export interface PlannedFault {
  /** Milliseconds since the start of the run. */
  readonly at: number;
  readonly kind: FaultKind;
  readonly target: string;
  readonly ms: number;
}

/** Time without faults at the start and at the end, milliseconds. */
const CALM_MS = 5000;
const GAP_MS = [1000, 7000] as const;
const DURATION_MS: Readonly<Record<FaultKind, readonly [number, number]>> = {
  kill: [0, 3000],
  restart: [0, 2000],
  freeze: [1000, 20_000],
  stall: [1000, 20_000],
  slow: [5000, 15_000],
  cut: [0, 0],
  forget: [0, 0],
};
/** A part runs for this long between faults, so that its recovery is tested too. */
const RECOVERY_MS = 5000;

/** Draws faults over the length of a run. Several parts can be broken at a time; each fault starts and ends within the run. */
export function planFaults(random: Random, runMs: number, targets: readonly Target[]): PlannedFault[] {
  const plan: PlannedFault[] = [];
  const busyUntil = new Map<string, number>();
  for (let at = CALM_MS; ; at += random.between(...GAP_MS)) {
    if (at >= runMs - CALM_MS) return plan;
    const free = targets.filter(({ part }) => (busyUntil.get(part) ?? 0) <= at);
    if (free.length === 0) continue;
    const target = random.pick(free.map((each) => [each, each.weight] as const));
    const kind = random.pick(target.kinds.map((each) => [each, 1] as const));
    const ms = Math.min(random.between(...DURATION_MS[kind]), runMs - CALM_MS - at);
    plan.push({ at, kind, target: target.name, ms });
    busyUntil.set(target.part, at + ms + RECOVERY_MS);
  }
}
