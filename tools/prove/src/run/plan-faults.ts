import type { Random } from './random.js';

/**
 * What may be done to a process, or to a link between two:
 *
 *     kill      SIGKILL, and started again after `ms`
 *     restart   SIGTERM, and started again after `ms`
 *     freeze    SIGSTOP for `ms`: connections stay open and nothing answers
 *     stall     a black hole for `ms`: nothing passes, nobody is told
 *     slow      4 kB/s for `ms`
 *     cut       all connections are reset
 *     forget    nothing passes on what is open, for ever, and nobody is told; new connections work
 */
export const PROCESS_FAULTS = ['kill', 'restart', 'freeze'] as const;
export const LINK_FAULTS = ['stall', 'slow', 'cut', 'forget'] as const;
export type FaultKind = (typeof PROCESS_FAULTS)[number] | (typeof LINK_FAULTS)[number];

/** Something that may be broken. Whatever shares a `part` is broken one at a time. */
export interface Target {
  readonly name: string;
  readonly part: string;
  readonly kinds: readonly FaultKind[];
  /** How likely it is, compared with the others. */
  readonly weight: number;
}

export interface PlannedFault {
  /** Milliseconds since the beginning of the run. */
  readonly at: number;
  readonly kind: FaultKind;
  readonly target: string;
  readonly ms: number;
}

/** Before the first fault, and free of faults at the end, milliseconds. */
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
/** A part that was broken works for this long before it is broken again: its own recovery is part of the proof. */
const RECOVERY_MS = 5000;

/** Draws faults over the length of a run; several parts may be broken at a time. Each begins and ends within the run. */
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
