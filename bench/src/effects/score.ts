import type { EffectOutcome } from '@lamplighter/store/effect-record';

/** A command to shine that succeeded, and what the services say of its effect. */
export interface CheckedCommand {
  readonly device: string;
  /** Milliseconds since 1970. */
  readonly succeededAt: number;
  readonly outcome: EffectOutcome;
}

/** Counts of commands by outcome. */
export type Outcomes = Record<EffectOutcome, number>;

/** What was found, against what was true. */
export interface Score {
  readonly burnt: Outcomes;
  readonly healthy: Outcomes;
  /** Lamps that burnt out while their effect was looked for: nothing can be wrong about them. */
  readonly between: number;
  /** Of what was called ineffective, the share that was burnt out; undefined if nothing was. */
  readonly precision: number | undefined;
  /** Of the measured commands to burnt-out lamps, the share that was called ineffective; undefined if there was none. */
  readonly recall: number | undefined;
}

/** @param burnsOut when lamps burn out, by device, milliseconds since 1970 */
export function score(
  commands: readonly CheckedCommand[],
  burnsOut: ReadonlyMap<string, number>,
  withinMs: number,
): Score {
  const burnt = nothing();
  const healthy = nothing();
  let between = 0;
  for (const { device, succeededAt, outcome } of commands) {
    const at = burnsOut.get(device) ?? Number.POSITIVE_INFINITY;
    if (at <= succeededAt) burnt[outcome] += 1;
    else if (at > succeededAt + withinMs) healthy[outcome] += 1;
    else between += 1;
  }
  return {
    burnt,
    healthy,
    between,
    precision: share(burnt.ineffective, healthy.ineffective),
    recall: share(burnt.ineffective, burnt.effective),
  };
}

const nothing = (): Outcomes => ({ pending: 0, effective: 0, ineffective: 0, unmeasured: 0 });

const share = (part: number, rest: number): number | undefined =>
  part + rest === 0 ? undefined : part / (part + rest);

/** When lamps burn out, from the lines of the simulator's journal. */
export function burnsOutIn(journal: string): Map<string, number> {
  const times = new Map<string, number>();
  for (const line of journal.split('\n')) {
    if (!line.includes('"event":"burns_out"')) continue;
    const { device, at } = JSON.parse(line) as { device: string; at: number };
    times.set(device, at);
  }
  return times;
}
