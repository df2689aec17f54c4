// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import type { RuleInput } from '@lamplighter/contracts/rule';

/** Devices of the run; the groups below divide them. */
export const DEVICES = 2000;

/** One set of rules under test. */
export interface Variant {
  readonly name: string;
  readonly rules: readonly RuleInput[];
}

const threshold = (id: string, more: Partial<RuleInput> = {}): RuleInput => ({
  id,
  when: 'light < 300',
  clear: 'light > 330',
  then: { led_on: true },
  ...more,
});
const numbered = (count: number, rule: (i: number) => RuleInput) =>
  Array.from({ length: count }, (_, i) => rule(i));
const ten = numbered(10, (i) => threshold(`mine-${i}`));
/** Every device is in one group: `size` devices share the digits that their names begin with. */
const groups = (size: number) =>
  numbered(DEVICES / size, (i) => {
    const digits = 5 - String(size).length + 1;
    return threshold(`group-${i}`, {
      scope: { devices: [`bench-${String(i).padStart(digits, '0')}*`] },
      quorum: { policy: 'majority', expected: size },
    });
  });

/** What is compared, each with a broker, a Redis and a service of its own. */
export const VARIANTS: readonly Variant[] = [
  { name: 'no rule', rules: [] },
  { name: 'threshold with hysteresis', rules: [threshold('night-light')] },
  { name: '10 rules, all match', rules: ten },
  {
    name: '1,000 rules, 10 match',
    rules: [
      ...ten,
      // Half of them by name, half by prefix.
      ...numbered(990, (i) =>
        threshold(`other-${i}`, {
          scope: { devices: i % 2 === 0 ? [`other-${i}`, `another-${i}`] : [`elsewhere-${i}-*`] },
        }),
      ),
    ],
  },
  { name: '200 quorums of 10', rules: groups(10) },
  { name: '2 quorums of 1,000', rules: groups(1000) },
];

/** What is promised: the cost of one is at most so many times that of another. */
export const LIMITS: readonly { readonly of: string; readonly to: string; readonly most: number }[] = [
  { of: 'threshold with hysteresis', to: 'no rule', most: 1.2 },
  { of: '1,000 rules, 10 match', to: '10 rules, all match', most: 2 },
  // Not promised by name: "constant" means that a hundred times the sensors do not show.
  { of: '2 quorums of 1,000', to: '200 quorums of 10', most: 1.2 },
];
