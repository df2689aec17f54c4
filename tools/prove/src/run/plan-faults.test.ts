import fc from 'fast-check';
import { LINK_FAULTS, PROCESS_FAULTS, planFaults, type Target } from './plan-faults.js';
import { Random } from './random.js';

const targets: Target[] = [
  { name: 'rules', part: 'rules', kinds: PROCESS_FAULTS, weight: 3 },
  { name: 'rules to Redis', part: 'rules', kinds: LINK_FAULTS, weight: 1 },
  { name: 'broker', part: 'broker', kinds: PROCESS_FAULTS, weight: 1 },
];
const partOf = (name: string) => targets.find((target) => target.name === name)?.part;

describe('planFaults', () => {
  it('returns the same plan for the same seed', () => {
    const plan = (seed: number) => planFaults(new Random(seed), 180_000, targets);
    expect(plan(7)).toEqual(plan(7));
    expect(plan(7)).not.toEqual(plan(8));
  });

  it('stays within the run and never overlaps faults of a part', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 20_000, max: 600_000 }), (seed, runMs) => {
        const plan = planFaults(new Random(seed), runMs, targets);
        for (const [index, { at, ms, target }] of plan.entries()) {
          expect(at).toBeGreaterThan(0);
          expect(ms).toBeGreaterThanOrEqual(0);
          expect(at + ms).toBeLessThan(runMs);
          const overlapping = plan
            .slice(0, index)
            .filter((other) => partOf(other.target) === partOf(target) && other.at + other.ms > at);
          expect(overlapping).toEqual([]);
        }
      }),
    );
  });

  it('covers every fault of every target', () => {
    const seen = new Set(
      planFaults(new Random(1), 3_600_000, targets).map(({ kind, target }) => `${kind} ${target}`),
    );
    expect(seen.size).toBe(2 * PROCESS_FAULTS.length + LINK_FAULTS.length);
  });
});
