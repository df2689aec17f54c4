import { GOALS, type Goal, PRODUCT } from './goals.js';
import { medianOf, type Sample } from './sample.js';

/** One goal and what was measured. */
export interface Comparison {
  readonly goal: Goal;
  readonly product: number;
  /** The peer's figure, if the goal names a peer. */
  readonly peer: number | undefined;
  /** The ratio to the peer; the product's figure if the goal names none. */
  readonly measured: number;
  /** `≥ 2.2`. */
  readonly limit: string;
  readonly met: boolean;
}

/**
 * Compares medians with the goals. Goals without measurements are left out.
 * @param isQuick applies the limits of `bench:quick`
 */
export function compare(
  samples: readonly Sample[],
  isQuick: boolean,
  goals: readonly Goal[] = GOALS,
): Comparison[] {
  return goals
    .filter(({ quick }) => !isQuick || quick !== undefined)
    .flatMap((goal) => compareOne(samples, isQuick, goal) ?? []);
}

function compareOne(samples: readonly Sample[], isQuick: boolean, goal: Goal): Comparison | undefined {
  const { figure, where, peer: peerName, atLeast, atMost, quick, tolerance = 0 } = goal;
  const product = medianOf(samples, { ...where, service: PRODUCT }, figure);
  const peer =
    peerName === undefined ? undefined : medianOf(samples, { ...where, service: peerName }, figure);
  if (product === undefined || (peerName !== undefined && peer === undefined)) return undefined;
  const measured = peer === undefined ? product : product / peer;
  const isMinimum = atLeast !== undefined;
  const bound = (isQuick ? quick : undefined) ?? atLeast ?? atMost ?? Number.NaN;
  const allowed = peer === undefined ? bound : bound * peer;
  return {
    goal,
    product,
    peer,
    measured,
    limit: `${isMinimum ? '≥' : '≤'} ${bound}`,
    met: isMinimum ? product >= allowed - tolerance : product <= allowed + tolerance,
  };
}
