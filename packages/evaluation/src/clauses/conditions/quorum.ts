import { actionSchema } from '@lamplighter/contracts/commands/command';
import { type DeviceScope, deviceScopeSchema } from '@lamplighter/contracts/rules/device-scope';
import { RULE_BOUNDS } from '@lamplighter/contracts/rules/rule-bounds';
import { z } from 'zod';
import type { EvaluationContext } from '../../context/evaluation-context.js';
import type { TraceStep } from '../../context/trace.js';
import type { Expression } from '../../expression/expression.js';
import { expressionField, type Fields, fieldsOf, type Report } from '../definition/clause.js';
import { type ExpressionCompiler, type ExpressionField, SENSOR } from '../definition/expression-field.js';
import { time } from '../definition/sentences.js';

const QUORUM_POLICIES = ['any', 'all', 'majority', 'atLeast', 'median', 'trimmedMean'] as const;
const sensors = z.int().min(1).max(RULE_BOUNDS.maxSensors);
const quorumSchema = z
  .strictObject({
    policy: z.enum(QUORUM_POLICIES),
    count: sensors.optional().describe('For "atLeast": how many must agree.'),
    of: expressionField(
      'For "median" and "trimmedMean": the number that each sensor contributes. "when" then tests "value".',
    ).optional(),
    trim: z
      .number()
      .min(0)
      .max(0.49)
      .optional()
      .describe('For "trimmedMean": the share that is left out at each end.'),
    expected: sensors.optional().describe('Expected number of sensors, if the scope does not name them.'),
    needs: sensors
      .optional()
      .describe('Fresh votes needed for a verdict; by default more than half of the expected sensors.'),
    lost: z
      .enum(['hold', 'release', 'safe'])
      .default('hold')
      .describe(
        'With fewer fresh votes: "hold" the last decision, "release" as if the condition were false, or command the "safe" action.',
      ),
    safe: actionSchema.optional(),
  })
  .describe('The scope\'s devices vote, and the commands go to "target".');
export type Quorum = z.infer<typeof quorumSchema>;
export type CompiledQuorum = Quorum & {
  /** The number that each sensor contributes, for policies that measure. */
  readonly measure: Expression<number> | undefined;
};
export interface CompiledQuorumClause {
  readonly quorum: CompiledQuorum | undefined;
  /** The devices that a quorum commands; undefined: those that vote. */
  readonly target: DeviceScope | undefined;
}
interface QuorumFields {
  readonly quorum?: Quorum | undefined;
  readonly target?: { readonly devices: DeviceScope } | undefined;
}

const OF: ExpressionField = {
  path: ['quorum', 'of'],
  returns: 'number',
  visible: { measuring: SENSOR },
  decides: true,
};
/** Compiled in the same way for every policy. */
const SENSOR_VALUE: ExpressionField = {
  ...OF,
  visible: { device: SENSOR, counting: SENSOR, measuring: SENSOR },
};

/** The verdict of many sensors. */
export const quorum = {
  fields: {
    quorum: quorumSchema.optional(),
    target: z
      .strictObject({ devices: deviceScopeSchema })
      .optional()
      .describe('The devices that a quorum commands; by default those of the scope.'),
  },
  examples: { quorum: { policy: 'atLeast', count: 3 } },
  expressions: [OF],
  contradictions(rule: Fields, report: Report): void {
    const fields = fieldsOf(rule.quorum);
    if (rule.target !== undefined && rule.quorum === undefined)
      report('target', 'is only valid with "quorum"; other rules command the device that they evaluate');
    if (rule.quorum !== undefined && rule.mode === 'every') report('mode', 'must be "change" with a quorum');
    if (fields !== undefined) quorumContradictions(fields, namedSensors(rule), report);
  },
  compile: ({ quorum: field, target }: QuorumFields, compiler: ExpressionCompiler): CompiledQuorumClause => ({
    quorum: field && {
      ...field,
      measure: field.of === undefined ? undefined : compiler.number(SENSOR_VALUE, field.of),
    },
    target: target?.devices,
  }),
  verdict({ observation: { verdict }, trace }: EvaluationContext<unknown>): boolean | undefined {
    trace?.push({ clause: 'quorum', passes: verdict === true, value: verdict });
    return verdict;
  },
  sentences: {
    quorum({ value, reason, until }: TraceStep): string {
      if (reason === 'lost')
        return `too few sensors had fresh votes${until === undefined ? '' : `; the safe action stays until ${time(until)}`}`;
      if (value === undefined) return 'the vote had no result';
      return `the result of the vote was ${value === true ? 'yes' : 'no'}`;
    },
  },
};

function quorumContradictions(
  { policy, count, of, trim, lost, safe, needs, expected }: Fields,
  named: number | undefined,
  report: Report,
): void {
  const measures = policy === 'median' || policy === 'trimmedMean';
  if (policy === 'atLeast' && count === undefined)
    report('quorum.count', 'is required with policy "atLeast": how many sensors must agree');
  if (policy !== 'atLeast' && count !== undefined)
    report('quorum.count', 'is only valid with policy "atLeast"');
  if (measures && of === undefined)
    report('quorum.of', `is required with policy "${policy}": the number that each sensor contributes`);
  if (!measures && of !== undefined)
    report(
      'quorum.of',
      'is only valid with policies "median" and "trimmedMean"; the others count the sensors for which "when" is true',
    );
  if (policy !== 'trimmedMean' && trim !== undefined)
    report('quorum.trim', 'is only valid with policy "trimmedMean"');
  if (lost === 'safe' && safe === undefined) report('quorum.safe', 'is required with "lost": "safe"');
  if (lost !== 'safe' && safe !== undefined) report('quorum.safe', 'is only valid with "lost": "safe"');
  if (named !== undefined && expected !== undefined && expected !== named)
    report('quorum.expected', `must be ${named}, the number of sensors that the scope names, or left out`);
  const available = named ?? expected;
  if (typeof available !== 'number') return;
  for (const [key, required] of Object.entries({ count, needs }))
    if (typeof required === 'number' && required > available)
      report(`quorum.${key}`, `must be at most ${available}, the number of sensors`);
}

/** How many devices a scope names; undefined if it has prefixes or covers all devices. */
function namedSensors(rule: Fields): number | undefined {
  const devices = fieldsOf(rule.scope)?.devices;
  if (!Array.isArray(devices)) return undefined;
  const names: unknown[] = devices;
  if (names.some((name) => typeof name !== 'string' || name.endsWith('*'))) return undefined;
  return new Set(names).size;
}
