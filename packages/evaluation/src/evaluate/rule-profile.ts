/** An evaluation that takes longer is slow, ms: ordinary ones take a few microseconds, and a pause of the process makes few of them slow. */
const SLOW_MS = 0.1;
/** Evaluations of a rule before it can be an offender. */
export const MIN_EVALUATIONS = 3;

interface Cost {
  ms: number;
  evaluations: number;
  slow: number;
}

/** The time that each rule takes, measured for a while to find the expensive ones. */
export class RuleProfile<Rule> {
  private readonly costs = new Map<Rule, Cost>();
  /** Time of all evaluations, ms. */
  totalMs = 0;

  add(rule: Rule, ms: number): void {
    let cost = this.costs.get(rule);
    if (cost === undefined) {
      cost = { ms: 0, evaluations: 0, slow: 0 };
      this.costs.set(rule, cost);
    }
    cost.ms += ms;
    cost.evaluations += 1;
    if (ms > SLOW_MS) cost.slow += 1;
    this.totalMs += ms;
  }

  /**
   * The most expensive rules, as many as necessary for the others to stay within `allowedMs`. Only rules of which most evaluations are
   * slow.
   */
  offenders(allowedMs: number): { readonly rule: Rule; readonly meanMs: number }[] {
    const slow = [...this.costs]
      .filter(([, { evaluations, slow }]) => evaluations >= MIN_EVALUATIONS && slow > evaluations / 2)
      .sort(([, a], [, b]) => b.ms - a.ms);
    const found: { rule: Rule; meanMs: number }[] = [];
    let remainingMs = this.totalMs;
    for (const [rule, { ms, evaluations }] of slow) {
      if (remainingMs <= allowedMs) break;
      remainingMs -= ms;
      found.push({ rule, meanMs: ms / evaluations });
    }
    return found;
  }
}
