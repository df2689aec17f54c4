import { type CompiledRule, compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type RuleInput, ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { TICK_MS } from './field.js';

/** A way to decide for a field of sensors. */
export interface Policy {
  readonly name: string;
  ruleFor(sensors: number): CompiledRule;
}

const LIMIT = 300;
const CLEAR = 330;
/** A sensor that misses two reports is stale. */
const MAX_AGE = `${Math.round((2.5 * TICK_MS) / 1000)}s`;

/** Dark below 300 until above 330, as in the night-light rule. */
export function isDark(light: number, wasDark: boolean): boolean {
  return wasDark ? light <= CLEAR : light < LIMIT;
}

function policy(
  name: string,
  quorum?: (sensors: number) => NonNullable<RuleInput['quorum']>,
  light = 'light',
): Policy {
  return {
    name,
    ruleFor: (sensors) =>
      compileRule(
        ruleSchema.parse({
          id: 'floodlights',
          when: `${light} < ${LIMIT}`,
          clear: `${light} > ${CLEAR}`,
          maxAge: MAX_AGE,
          ...(quorum && { quorum: { expected: sensors, ...quorum(sensors) } }),
          then: { led_on: true },
          else: { led_on: false },
        }),
        1,
        1,
      ),
  };
}

/** All quorum policies, and for comparison a single sensor. */
export const POLICIES: readonly Policy[] = [
  policy('one sensor'),
  policy('any', () => ({ policy: 'any' })),
  policy('all', () => ({ policy: 'all' })),
  policy('majority', () => ({ policy: 'majority' })),
  policy('a third', (sensors) => ({ policy: 'atLeast', count: Math.ceil(sensors / 3) })),
  policy('median', () => ({ policy: 'median', of: 'light' }), 'value'),
  policy('trimmed mean', () => ({ policy: 'trimmedMean', of: 'light', trim: 0.2 }), 'value'),
];
